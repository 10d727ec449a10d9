/**
 * A shared counter with watchers: a pattern of one file that uses nothing but what `src` offers.
 *
 * One side holds the value; the others add to it and watch it, each on one stream. Additions are numbered and sent again on
 * the next session until the host has confirmed them, so that each counts once. A slow watcher skips values: one is written
 * when there is credit for it.
 */
import { defineSchema } from '../../src/avro/index.js'
import { Waiters } from '../../src/lifecycle/index.js'
import { LinkSet } from '../../src/link/index.js'
import { defaults } from '../../src/options/index.js'
import { ResourceBase } from '../../src/resource/index.js'
import * as session from '../../src/session/index.js'
import { connects, type ResolvedSocketOptions } from '../../src/socket/index.js'

const long = <Name extends string>(name: Name) => ({ name, type: 'long' }) as const
const client = { name: 'client', type: 'string' } as const
const Addition = defineSchema({ type: 'record', name: 'Addition', fields: [client, long('number'), long('amount')] })
const State = defineSchema({
  type: 'record',
  name: 'State',
  fields: [long('value'), long('version'), long('confirmed')],
})
const kind = { addition: 64, state: 65 }

/** What a watcher sees. */
export type CounterState = { readonly value: number; readonly version: number }

/** The side that holds the value. */
export class CounterHost implements session.LinkUser {
  readonly items = { first: kind.addition, last: kind.state, opened: false, accepted: true }
  state: CounterState = { value: 0, version: 0 }
  /** The number of the last addition of each client. */
  readonly #confirmed = new Map<string, number>()
  readonly #watchers = new Set<() => void>()

  accept(streams: session.SessionStreams): session.SessionUser {
    const clients = new Map<number, string>()
    const tell = (stream: number): void => {
      const client = clients.get(stream)
      if (client === undefined || !streams.isWritable(stream)) return // told again when there is room
      const state = { ...this.state, confirmed: this.#confirmed.get(client) ?? 0 }
      streams.send(stream, kind.state, 0, new session.RecordBody(State, state))
    }
    const tellAll = () => [...clients.keys()].forEach(tell)
    this.#watchers.add(tellAll)
    return {
      owns: (stream) => clients.has(stream),
      onItem: (stream, _kind, _flags, bytes, view, start, end) => {
        const { client, number, amount } = session.readRecord(Addition, bytes, view, start, end)
        streams.consumed(stream, end - start)
        clients.set(stream, client)
        if (this.counts(client, number, amount)) for (const watcher of this.#watchers) watcher()
        else tell(stream)
      },
      onWritable: tell,
      onStatus: () => void (streams.status === 'ended' && this.#watchers.delete(tellAll)),
    }
  }

  /** Adds, unless it was added before; returns whether it did. */
  counts(client: string, number: number, amount: number): boolean {
    if (number !== (this.#confirmed.get(client) ?? 0) + 1) return false
    this.#confirmed.set(client, number)
    this.state = { value: this.state.value + amount, version: this.state.version + 1 }
    return true
  }
}

/** The side that adds and watches. */
export class CounterClient implements session.LinkUser {
  readonly items = { first: kind.addition, last: kind.state, opened: true, accepted: false }
  state: CounterState = { value: 0, version: 0 }
  readonly #name: string
  readonly #changed: (state: CounterState, done: () => void) => void
  readonly #settled = new Waiters()
  /** Additions that are not confirmed, the number of the first, and how many of them were sent on this session. */
  #additions: number[] = []
  #first = 1
  #sent = 0
  #send = () => {}

  /** `changed` is given each state that comes, and returns credit for it by calling back. */
  constructor(name: string, changed: (state: CounterState, done: () => void) => void = (_state, done) => done()) {
    this.#name = name
    this.#changed = changed
  }

  get unfinished(): number {
    return this.#additions.length
  }

  add(amount: number): void {
    this.#additions.push(amount)
    this.#send()
  }

  accept(streams: session.SessionStreams): session.SessionUser {
    const stream = streams.openStream()
    const put = (number: number, amount: number) => {
      const addition = new session.RecordBody(Addition, { client: this.#name, number, amount })
      streams.send(stream, kind.addition, session.itemFlag.critical, addition)
    }
    this.#sent = 0
    this.#send = () => {
      for (; this.#sent < this.unfinished && streams.isWritable(stream); this.#sent++) {
        put(this.#first + this.#sent, this.#additions[this.#sent] as number)
      }
    }
    put(0, 0) // adds nothing: from here on it watches
    this.#send()
    return {
      owns: (one) => one === stream,
      onItem: (_stream, _kind, _flags, bytes, view, start, end) => {
        const { confirmed, ...state } = session.readRecord(State, bytes, view, start, end)
        const done = this.#additions.splice(0, confirmed + 1 - this.#first).length
        this.#first += done
        this.#sent = Math.max(0, this.#sent - done)
        this.state = state
        if (this.unfinished === 0) this.#settled.wake()
        this.#changed(state, () => streams.consumed(stream, end - start))
      },
      onWritable: () => this.#send(),
      onStatus: () => {},
    }
  }

  async drain(): Promise<void> {
    if (this.unfinished > 0) await this.#settled.wait()
  }
}

/** Either side as a resource over sockets; others may use its links, too. */
export class Counter extends ResourceBase<CounterState> {
  readonly isSender: boolean
  readonly stats: () => CounterState
  constructor(options: ResolvedSocketOptions, user: CounterHost | CounterClient, ...others: session.LinkUser[]) {
    super('createCounter', options)
    const { outboxBytes, maxLinkMessageBytes: maxMessageBytes, maxSessions } = defaults
    this.isSender = connects(options.connect)
    this.stats = () => user.state
    const settings = { ...options, outboxBytes, maxMessageBytes, maxSessions }
    this.transport = new LinkSet(this.scope, settings, [user, ...others])
  }

  override open(): Promise<this> {
    return super.open()
  }
}
