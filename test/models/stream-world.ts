/** The two ends of a connection, as the model sees them: what each has offered and taken, and what has ended it. */
import { Subscription } from 'rxjs'
import type { ConnectStreamOptions, StreamConnection, StreamListener } from '../../patterns/socket/index.js'
import type { CloseOptions } from '../../src/lifecycle/index.js'
import { defaults } from '../../src/options/index.js'
import type { SendAllSource } from '../../src/stream/index.js'
import { total } from '../support/events.js'
import type { Lab } from './lab.js'
import type { Outcome } from './outcomes.js'
import { tick } from './ticks.js'

/** What a connection carries: bytes in one of the framings, values of one schema, or of two versions. */
export const contents = ['lines', 'lengthPrefixed', 'typed', 'versions'] as const

export interface Setup {
  readonly framing: (typeof contents)[number]
  readonly options: Pick<ConnectStreamOptions<string>, 'overflow' | 'outboxBytes'>
  readonly maxBufferedBytes: number | undefined
  /** Whether each side consumes from the beginning. */
  readonly consumes: readonly boolean[]
}

export interface World {
  readonly lab: Lab
  readonly listener: StreamListener<string>
  readonly setup: Setup
  /** When it was opened, on the clock. */
  readonly startedAt: number
  /** The client, and the server. */
  readonly ends: readonly [End, End]
}

/** How a side consumes. */
export const consumptions = ['subscribe', 'process', 'few', 'stop'] as const

/** One end. */
export class End {
  readonly lab: Lab
  readonly connection: StreamConnection<string>
  readonly #setup: Setup
  readonly #side: string
  peer: End = this
  /** Messages that came: the name of a source, and the place in it. */
  readonly got: [string, number][] = []
  readonly outcomes: Outcome<unknown>[] = []
  /** Messages that were offered. */
  offered = 0
  /** Whether what was offered is known exactly. */
  isCountable = true
  /** Whether it was destroyed, or closed before everything was consumed or sent. */
  isBroken = false
  #names = 0
  #checked = 0
  readonly #last = new Map<string, number>()
  readonly #sendName: string
  readonly #nextName: string
  #sends = 0
  #nexts = 0
  consuming: Subscription | undefined
  /** Resolves when the last iterator has left. */
  leaving: Promise<void> = Promise.resolve()

  constructor(lab: Lab, connection: StreamConnection<string>, side: string, setup: Setup) {
    this.lab = lab
    this.connection = connection
    this.#side = side
    this.#setup = setup
    this.#sendName = this.newName('s')
    this.#nextName = this.newName('n')
  }

  /** The name of a source, whose messages keep their order. */
  newName(kind: string): string {
    this.#names += 1
    return `${this.#side}${kind}${this.#names}`
  }

  /** A message, with its source and its place in it. */
  text(name: string, at: number, bytes = 0): string {
    return this.#message(`${name} ${at} ${'x'.repeat(bytes)}`)
  }

  /** A text as what the connection carries, which the model takes for a text. */
  #message(text: string): string {
    const { framing } = this.#setup
    return framing === 'typed' || framing === 'versions' ? ({ text } as unknown as string) : text
  }

  send(count: number, bytes: number): void {
    const rejects = [
      'RIVULET_CLOSED',
      ...(this.#setup.options.overflow === 'error' ? ['RIVULET_OUTBOX_FULL' as const] : []),
    ] as const
    for (let at = 0; at < count; at++) {
      this.offered += 1
      const text = this.text(this.#sendName, this.#sends++, bytes)
      this.outcomes.push(this.lab.call('send', () => this.connection.send(text), { rejects }))
    }
  }

  next(count: number): void {
    this.offered += count
    for (let at = 0; at < count; at++) this.connection.next(this.text(this.#nextName, this.#nexts++))
  }

  sendBad(kind: 'type' | 'large' | 'nothing'): void {
    this.offered += 1
    const value = kind === 'large' ? this.#message('x'.repeat(100_001)) : kind === 'type' ? { text: 1 } : undefined
    const rejects = [
      'RIVULET_CLOSED',
      'RIVULET_INVALID_MESSAGE',
      'RIVULET_MESSAGE_TOO_LARGE',
      'RIVULET_OUTBOX_FULL',
    ] as const
    // one that waits for room is refused when there is some
    this.outcomes.push(this.lab.call(`send (${kind})`, () => this.connection.send(value as string), { rejects }))
    const { overflow } = this.#setup.options
    if (overflow === 'drop-newest' || overflow === 'drop-oldest') this.isCountable = false
  }

  complete(): void {
    this.connection.complete()
  }

  error(): void {
    this.isBroken = true
    this.connection.error(new Error('as it was told to'))
  }

  /** It is closed with these options. */
  closes(options: CloseOptions): void {
    // what arrives from then on is thrown away, and a deadline may pass
    if (this.connection.status === 'open') this.isBroken = true
    void options
  }

  take(message: string | { readonly text: string }): void {
    const [name = '', at = ''] = (typeof message === 'string' ? message : message.text).split(' ')
    this.got.push([name, Number(at)])
  }

  /** Messages of one source arrive in order and once. */
  checkOrder(): void {
    for (; this.#checked < this.got.length; this.#checked++) {
      const [name, at] = this.got[this.#checked] as [string, number]
      const last = this.#last.get(name) ?? -1
      this.lab.expect(at > last, () => `${name}: ${at} behind ${last}`)
      this.lab.expect(!name.startsWith(this.#side), () => `${name}: a message came back`)
      this.#last.set(name, at)
    }
  }
}

/** Sends a source. */
export function offerAll(end: End, source: SendAllSource<string>, kind: string): void {
  const abort = new AbortController()
  if (kind === 'aborted') setImmediate(() => abort.abort())
  const rejects = ['RIVULET_CLOSED', 'RIVULET_ABORTED', 'RIVULET_SOURCE_FAILED'] as const
  const sending = async () => {
    try {
      const { sent, dropped } = await end.connection.sendAll(source, { signal: abort.signal })
      end.offered += sent + dropped
    } catch (error) {
      end.isCountable = false
      throw error
    }
  }
  end.outcomes.push(end.lab.call('sendAll', sending, { rejects }))
}

/** Consumes in another way from now on. */
export async function consume(end: End, how: (typeof consumptions)[number]): Promise<void> {
  const { connection } = end
  end.consuming?.unsubscribe()
  end.consuming = undefined
  // what an iterator was given is its own
  await end.leaving
  if (how === 'stop') return
  if (how === 'subscribe') end.consuming = connection.messages.subscribe((text) => end.take(text))
  else if (how === 'process') {
    const work = async (text: string) => {
      end.take(text)
      await tick()
    }
    end.consuming = connection.messages.process(work, { concurrency: 3 }).subscribe()
  } else end.leaving = takeFew(end)
}

/** Takes a few messages, one after the other, unless it is stopped before. */
async function takeFew(end: End): Promise<void> {
  const iterator = end.connection.messages[Symbol.asyncIterator]()
  const taking = new Subscription(() => void iterator.return?.())
  end.consuming = taking
  for (let left = 5; left > 0; left--) {
    const { value, done } = await iterator.next()
    if (done) return
    end.take(value)
  }
  taking.unsubscribe()
}

/** Closes one end. */
export function close(end: End, options: CloseOptions): void {
  end.closes(options)
  const { connection, lab } = end
  const closing = lab.close(connection, options)
  lab.atEnd(() => {
    const { incoming, outgoing } = connection.stats()
    const dropped = (incoming.dropped.closed ?? 0) + (outgoing.dropped.closed ?? 0)
    const { undelivered = 0 } = closing.value ?? {}
    lab.expect(undelivered <= dropped, () => `undelivered ${undelivered}, dropped as closed ${dropped}`)
  })
}

/** Checks what holds when both ends are closed. */
export async function checkAtRest({ lab, ends, startedAt }: World): Promise<void> {
  const failures = await Promise.all(ends.map(({ connection }) => connection.whenEnded))
  // an end whose peer has ended and takes no bytes for long, or one that does not consume for long when a half has ended
  const isUnclaimed = ends.some(({ connection }) => (connection.stats().incoming.dropped.closed ?? 0) > 0)
  const isCut = failures.some((one) => one?.code === 'RIVULET_TIMEOUT')
  const isLate = lab.clock.now() - startedAt > defaults.halfOpenTimeoutMs && (isCut || isUnclaimed)
  const isWhole = !isLate && ends.every(({ isBroken }) => !isBroken)
  for (const end of ends) {
    const { outgoing, incoming } = end.connection.stats()
    const { incoming: taken } = end.peer.connection.stats()
    const failure = await end.connection.whenEnded
    const counts = () => JSON.stringify({ offered: end.offered, outgoing, taken, failure: failure?.code })
    lab.expect(
      outgoing.pending === 0 && incoming.pending === 0,
      () => `something is pending after the end: ${counts()}`,
    )
    if (end.isCountable) {
      lab.expect(
        outgoing.accepted + total(outgoing.refused) === end.offered,
        () => `each is taken or refused: ${counts()}`,
      )
    }
    lab.expect(taken.received <= outgoing.accepted, () => `more arrived than were sent: ${counts()}`)
    lab.expect(end.peer.got.length === taken.delivered, () => `what was delivered was seen: ${counts()}`)
    if (!isWhole) continue
    lab.expect(failure === undefined, () => `an end that was not orderly: ${counts()}`)
    lab.expect(taken.delivered === outgoing.sent, () => `what was sent arrives: ${counts()}`)
    for (const reason of Object.keys(outgoing.dropped)) {
      lab.expect(reason === 'overflow', () => `dropped without need: ${counts()}`)
    }
    lab.expect(total(taken.dropped) === 0, () => `dropped on arrival: ${counts()}`)
  }
}
