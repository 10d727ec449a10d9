/** The processes of the model of peers: their peers, what each was sent, handed and shown, and whether that may be. */

import type { Subscription } from 'rxjs'
import { createPeer, type Peer, type PeerOptions } from '../../patterns/messaging/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { Order, Report } from '../messaging/peers.js'
import { total } from '../support/events.js'
import type { Lab } from './lab.js'
import type { Outcome } from './outcomes.js'

export const schemas = [Report, Order] as const

/** The names that peers have and are sent to; of the last one there is never any. */
export const names = ['hub', 'ann', 'bob', 'eve', 'nobody'] as const

/** One message that was sent. */
export interface Sent {
  readonly from: string
  /** What it is in order with: the `send` calls of its sender, or its own `sendAll`. */
  readonly order: string
  readonly outcome: Outcome<unknown>
}

/** A peer, and what it has seen. */
export class ModelPeer {
  readonly peer: Peer
  readonly process: number
  readonly #lab: Lab
  readonly #world: PeerWorld
  readonly #subscriptions: (Subscription | undefined)[] = [undefined, undefined]
  /** The last message from each incarnation, for each schema and over all of them. */
  readonly #last = new Map<string, number>()
  readonly #ids = new Set<number>()
  readonly #present = new Map<string, string>()
  readonly #left = new Set<string>()
  /** Whether all schemas have always had a consumer, so that the order holds over all of them. */
  #isWhole = true
  isClosing = false

  constructor(world: PeerWorld, peer: Peer, process: number) {
    this.#world = world
    this.#lab = world.lab
    this.peer = peer
    this.process = process
    world.lab.watch(peer)
    // what has come before somebody consumes it is handed out schema by schema
    if (peer.stats().incoming.received > 0) this.#isWhole = false
    for (const at of schemas.keys()) this.read(at, true)
    peer.presence.subscribe((event) => {
      if (event.kind === 'joined') this.#joined(event.peer.name, event.peer.incarnation)
      else if (event.kind === 'left') this.#hasLeft(event.peer.name, event.peer.incarnation)
    })
  }

  /** Consumes a schema, or does not. */
  read(at: number, wants: boolean): void {
    if (!wants) this.#isWhole = false
    if (wants === (this.#subscriptions[at] !== undefined)) return
    this.#subscriptions[at]?.unsubscribe()
    this.#subscriptions[at] = undefined
    if (!wants) return
    const schema = schemas[at] as typeof Report
    this.#subscriptions[at] = this.peer.deliveries(schema).subscribe(({ from, value: { id } }) => {
      const { name, incarnation } = from
      const text = `message ${id} of ${name} at ${this.peer.name}`
      this.#lab.expect(!this.#ids.has(id), `${text} came twice`)
      this.#ids.add(id)
      const sent = this.#world.sent.get(id)
      this.#lab.expect(sent?.from === incarnation, `${text} is of another sender`)
      this.#lab.expect((sent?.outcome.error as RivuletError | undefined)?.executed !== 'no', `${text} was not to come`)
      // what nobody consumed when its sender left may be consumed later
      this.#lab.expect(!this.#isWhole || !this.#left.has(incarnation), `${text} came behind left`)
      const order = `${incarnation} ${sent?.order}`
      for (const key of this.#isWhole ? [order, `${order} ${at}`] : [`${order} ${at}`]) {
        this.#lab.expect((this.#last.get(key) ?? -1) < id, `${text} came behind ${this.#last.get(key)}`)
        this.#last.set(key, id)
      }
    })
  }

  check(): void {
    const { outgoing, incoming } = this.peer.stats()
    const counts = () => `counts of ${this.peer.name}: ${JSON.stringify({ outgoing, incoming })}`
    this.#lab.expect(outgoing.accepted === outgoing.sent + outgoing.pending + total(outgoing.dropped), counts)
    this.#lab.expect(incoming.received === incoming.delivered + incoming.pending + total(incoming.dropped), counts)
  }

  #joined(name: string, incarnation: string): void {
    this.#lab.expect(!this.#present.has(name), `${name} joined twice at ${this.peer.name}`)
    this.#present.set(name, incarnation)
    this.#left.delete(incarnation)
  }

  #hasLeft(name: string, incarnation: string): void {
    this.#lab.expect(this.#present.get(name) === incarnation, `${name} left ${this.peer.name} without having joined`)
    this.#present.delete(name)
    this.#left.add(incarnation)
  }
}

/** What the model knows. */
export class PeerWorld {
  readonly lab: Lab
  readonly peers: ModelPeer[] = []
  readonly sent = new Map<number, Sent>()
  readonly options: Partial<PeerOptions>
  readonly aborts: AbortController[] = []
  ids = 0
  connect = ''

  constructor(lab: Lab, options: Partial<PeerOptions>) {
    this.lab = lab
    this.options = options
  }

  get present(): ModelPeer[] {
    return this.peers.filter(({ isClosing, peer }) => !isClosing && !peer.closed)
  }

  /** One of those that are open. */
  pick(number: number): ModelPeer {
    const { present } = this
    return present[number % present.length] as ModelPeer
  }

  /** Opens a peer: in a process of its own, or over another. */
  async open(name: string, takeover: boolean, over?: ModelPeer): Promise<void> {
    const { runtime } = this.lab
    const place = over === undefined ? { runtime, connect: this.connect } : { over: over.peer }
    try {
      const peer = await createPeer({ name, takeover, ...this.options, ...place } as PeerOptions)
      this.peers.push(new ModelPeer(this, peer, over?.process ?? this.peers.length))
    } catch (error) {
      const { code } = error as RivuletError
      this.lab.expect(code === 'RIVULET_NAME_TAKEN' || code === 'RIVULET_CLOSED', `createPeer rejected with ${error}`)
    }
  }
}
