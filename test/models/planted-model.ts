/**
 * Models of a toy with planted faults: the kit must fail each of them, and shorten it to the calls that matter.
 *
 * `loadModel('planted:NAME')` has the one of a fault. The soak runs none of these.
 */
import { NEVER, Subject } from 'rxjs'
import { RivuletError } from '../../src/errors/index.js'
import type { CloseResult, Status } from '../../src/lifecycle/index.js'
import type { Lab } from './lab.js'
import { type AnyModel, defineModel, stepsOf } from './model.js'

/** What is wrong with the toy. */
export const faults = [
  'nothing',
  'throws outside',
  'rejects outside',
  'never settles',
  'never completes',
  'wrong error',
  'foreign error',
  'two outcomes',
  'loses a message',
  'miscounts',
  'stays open',
  'never closes',
  'ends the process',
  'blocks the end',
] as const

/** One of them. */
export type Fault = (typeof faults)[number]

/** A queue of this process that keeps numbers. */
class Toy {
  readonly fault: Fault
  readonly kept: number[] = []
  readonly errors = new Subject<RivuletError>()
  sent = 0
  status: Status = 'open'
  #sentInTurn = 0
  readonly whenClosed = Promise.resolve()

  constructor(fault: Fault) {
    this.fault = fault
  }

  get closed(): boolean {
    return this.status === 'closed'
  }

  async send(number: number): Promise<void> {
    this.#sentInTurn += 1
    if (this.#sentInTurn === 1) setImmediate(() => this.#endTurn())
    this.sent += this.fault === 'miscounts' && number === 2 ? 2 : 1
    if (this.fault === 'loses a message' && this.#sentInTurn === 2) return
    this.kept.push(number)
  }

  async close(): Promise<CloseResult> {
    this.errors.complete()
    if (this.fault === 'never closes') return new Promise(() => {})
    if (this.fault !== 'stays open') this.status = 'closed'
    return { undelivered: 0 }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #endTurn(): void {
    this.#sentInTurn = 0
  }
}

interface World {
  readonly lab: Lab
  readonly toy: Toy
}

const step = stepsOf<World>()

/** What the step `fault` does, for the faults that are of one call. */
const acts: Partial<Record<Fault, (world: World) => unknown>> = {
  'throws outside': () => {
    setImmediate(() => {
      throw new Error('thrown outside')
    })
  },
  'rejects outside': () => {
    void Promise.reject(new Error('rejected outside'))
  },
  'never settles': ({ lab }) => {
    lab.call('stuck', () => new Promise(() => {}))
  },
  'never completes': ({ lab }) => {
    lab.observe('endless', NEVER)
  },
  'wrong error': ({ lab }) => {
    const rejecting = () => Promise.reject(new RivuletError('RIVULET_TIMEOUT', 'too late'))
    lab.call('late', rejecting, { rejects: ['RIVULET_CLOSED'] })
  },
  'foreign error': ({ lab }) => {
    lab.call('foreign', () => Promise.reject(new TypeError('not ours')), { rejects: ['RIVULET_CLOSED'] })
  },
  'two outcomes': ({ lab }) => {
    // RxJS itself would let only the first one through
    const subscribe = (observer: { complete(): void }) => {
      observer.complete()
      observer.complete()
    }
    lab.observe('twice', { subscribe } as never)
  },
  'ends the process': () => process.exit(3),
  'blocks the end': () => new Promise(() => {}),
}

function plant(fault: Fault): AnyModel {
  return defineModel<Record<string, never>, World>({
    name: `planted:${fault}`,
    draw: () => ({}),
    async open(lab) {
      return { lab, toy: lab.watch(new Toy(fault)) }
    },
    steps: [
      step(
        'send',
        3,
        () => undefined,
        ({ lab, toy }) => {
          const { sent } = toy
          lab.call('send', () => toy.send(sent))
        },
      ),
      step(
        'look',
        3,
        () => undefined,
        ({ toy }) => void toy.kept.length,
      ),
      step(
        'fault',
        1,
        () => undefined,
        (world) => acts[fault]?.(world),
      ),
    ],
    always: ({ lab, toy: { sent, kept, fault } }) => {
      if (fault === 'miscounts') lab.expect(sent === kept.length, `${sent} are counted, ${kept.length} are there`)
    },
    async end({ lab, toy }) {
      lab.close(toy)
      await lab.settled()
      const { kept, sent } = toy
      if (toy.fault === 'loses a message')
        lab.expect(kept.length === sent, `${sent} were sent, ${kept.length} are there`)
    },
  })
}

/** The models by name. */
export const models: Readonly<Record<string, AnyModel>> = Object.fromEntries(
  faults.map((fault) => [fault, plant(fault)]),
)
