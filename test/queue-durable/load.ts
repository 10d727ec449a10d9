/**
 * Producers and consumers under load, who say in lines what they were told and what they are about to do.
 *
 * What a message is worth follows from its id: most are done, some fail always, some once, some are rejected. A line is
 * said before what it announces: whoever reads the lines knows of every ack that the host may have heard of. Who keeps
 * the lines, and whether this runs in a process of its own, is not known here.
 */
import type { Subscription } from 'rxjs'
import type { Consumer, Delivery, Producer, SendOptions } from '../../patterns/queue/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import type { Job } from '../support/job.js'
import { leaseNumberOf } from '../support/lease-number.js'

/**
 * Takes a line:
 *
 * - `c ID…`: these were confirmed to their producer; `f ID CODE`: this one was not;
 * - `d ID ATTEMPT LEASE POSITION KIND`: was delivered, and is being settled: `a`, `n`, `r`, or `-` if that comes later;
 * - `s ID LEASE KIND`: is being settled;
 * - `o KIND ID:LEASE…`: these were confirmed as settled; `x ID LEASE KIND CODE`: this was not.
 */
export type Say = (line: string) => void

/** How a message is settled: done, failed, rejected. */
export type Kind = 'a' | 'n' | 'r'

/** Ids of one producer. */
export const idsPerProducer = 1_000_000

/** One in so many messages is of each special kind. */
const oneIn = 200

/** Whether a message fails whenever it is delivered. */
export const isPoison = (id: number): boolean => id % oneIn === 7

/** Whether a message is rejected when it is delivered. */
export const isRejected = (id: number): boolean => id % oneIn === 11

/** What its consumer does with a message. */
export function kindOf(id: number, attempt: number): Kind {
  if (isRejected(id)) return 'r'
  return isPoison(id) || (id % oneIn === 13 && attempt === 1) ? 'n' : 'a'
}

function optionsOf(id: number): SendOptions | undefined {
  if (id % oneIn === 17) return { delayMs: 20 }
  return id % 4 === 0 ? { id: `m${id}` } : undefined
}

/** A producer that always has some sends under way. */
export class SendingLoad {
  readonly done: Promise<void>
  #next: number
  #stopped = false
  #confirmed: number[] = []

  constructor(producer: Producer<{ id: number; note?: string }>, firstId: number, inFlight: number, say: Say) {
    this.#next = firstId
    const tell = () => {
      if (this.#confirmed.length > 0) say(`c ${this.#confirmed.splice(0).join(' ')}`)
    }
    const send = async () => {
      while (!this.#stopped) {
        const id = this.#next++
        try {
          await producer.send({ id, note: 'x'.repeat(id % 300) }, optionsOf(id))
        } catch (error) {
          say(`f ${id} ${(error as RivuletError).code}`)
          continue
        }
        if (this.#confirmed.push(id) === 1) setImmediate(tell)
      }
    }
    this.done = Promise.all(Array.from({ length: inFlight }, send)).then(tell)
  }

  /** Begins nothing more; `done` resolves when all has its outcome. */
  stop(): void {
    this.#stopped = true
  }
}

/** Settles everything that a consumer is given: most at once, some many turns later. */
export function workingLoad(consumer: Consumer<Job>, random: () => number, say: Say): Subscription {
  const settled: Record<Kind, string[]> = { a: [], n: [], r: [] }
  const settle = (delivery: Delivery<Job>, lease: number, kind: Kind) => {
    const { id } = delivery.value
    const settling = {
      a: () => delivery.ack(),
      n: () => delivery.nack({ reason: 'it fails' }),
      r: () => delivery.reject('bad'),
    }
    settling[kind]().then(
      () => {
        const list = settled[kind]
        if (list.push(`${id}:${lease}`) === 1) setImmediate(() => say(`o ${kind} ${list.splice(0).join(' ')}`))
      },
      (error: RivuletError) => say(`x ${id} ${lease} ${kind} ${error.code}`),
    )
  }
  return consumer.deliveries.subscribe((delivery) => {
    const { value, attempt, position } = delivery
    const lease = leaseNumberOf(delivery)
    const kind = kindOf(value.id, attempt)
    let turns = random() < 0.1 ? Math.floor(random() * 50) : 0
    say(`d ${value.id} ${attempt} ${lease} ${position} ${turns === 0 ? kind : '-'}`)
    const wait = () => {
      if (turns-- > 0) {
        setImmediate(wait)
        return
      }
      say(`s ${value.id} ${lease} ${kind}`)
      settle(delivery, lease, kind)
    }
    if (turns === 0) settle(delivery, lease, kind)
    else wait()
  })
}
