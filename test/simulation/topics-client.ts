/**
 * The subscribing socket of simulated topics, XSUB, which subscribes again with each connection, those that it makes and those that
 * it takes.
 */

import { nothingHeld } from './frame-reads.js'
import type { Connection, End, Listener } from './network.js'
import { type Endpoints, Redialed, unread, upstream } from './topics-sockets.js'
import type { TurnProcess } from './turn-process.js'

/** What an XSUB has taken from its publishers. */
export interface TopicClientPorts {
  /** There is a new connection, and its subscriptions have left. */
  linked(): void
  /** A connection has ended. */
  unlinked(): void
  frame(topic: Buffer, frame: Buffer, connection: Connection): void
}

/** An XSUB socket. */
export class TopicClient implements Listener {
  readonly process: TurnProcess
  readonly ports: TopicClientPorts
  readonly #bound: string | undefined
  readonly #prefixes = new Map<string, number>()
  readonly #pipes: readonly ClientPipe[]
  readonly #accepted = new Set<Connection>()
  /** Connections that came and are not used yet. */
  readonly #fresh = new Set<Connection>()
  #isGone = false

  constructor(process: TurnProcess, { bind, connect }: Endpoints, ports: TopicClientPorts) {
    this.process = process
    this.ports = ports
    this.#bound = bind
    if (bind !== undefined) process.world.listeners.set(bind, this)
    this.#pipes = connect.map((address) => new ClientPipe(this, address))
  }

  /** How many connections it has. */
  get connected(): number {
    let connected = this.#accepted.size
    for (const { connection } of this.#pipes) if (connection !== undefined) connected += 1
    return connected
  }

  get connections(): readonly Connection[] {
    return [...this.#pipes.flatMap(({ connection }) => connection ?? []), ...this.#accepted]
  }

  /** Connections that it has taken. */
  get accepted(): number {
    return this.#accepted.size
  }

  /** Whether each of its own connections is there, and so many that it has taken. */
  isConnected(accepted: number): boolean {
    const open = [...this.#accepted].filter(({ isOpen }) => isOpen).length
    return open >= accepted && this.#pipes.every(({ connection }) => connection?.isOpen)
  }

  /** The subscriptions as a new connection gets them. */
  subscriptions(): Buffer[] {
    return [...this.#prefixes].flatMap(([prefix, count]) =>
      Array.from({ length: count }, () => subscription(true, Buffer.from(prefix, 'latin1'))),
    )
  }

  /** Sends a subscription or a request. */
  sendUp(frame: Buffer): void {
    const [mark] = frame
    if (mark === upstream.subscribe || mark === upstream.unsubscribe) {
      this.#subscribe(mark === upstream.subscribe, frame.subarray(1))
    } else {
      const request = Buffer.concat([Buffer.of(upstream.frame), frame])
      for (const pipe of this.#pipes) pipe.send(request)
      for (const connection of this.#accepted) connection.send('acceptor', request)
    }
  }

  admit(connection: Connection): void {
    this.#fresh.add(connection)
    this.process.enqueue(() => {
      if (this.#isGone || !this.#fresh.delete(connection)) return
      this.#accepted.add(connection)
      for (const frame of this.subscriptions()) connection.send('acceptor', frame)
      this.linkedSoon()
    })
  }

  arrived(connection: Connection, bytes: Buffer): void {
    this.process.read(nothingHeld, () => {
      const pipe = unread.get(connection)
      if (pipe) pipe.frames -= 1
      const start = 2 + bytes.readUInt16LE(0)
      if (!this.#isGone) this.ports.frame(bytes.subarray(2, start), bytes.subarray(start), connection)
    })
  }

  lost(connection: Connection): void {
    this.process.enqueue(() => {
      this.#fresh.delete(connection)
      if (this.#accepted.delete(connection) && !this.#isGone) this.ports.unlinked()
    })
  }

  /** The socket reports a connection, somewhat later than it is there. */
  linkedSoon(): void {
    this.process.enqueueLater(this.process.random.pick([0, 0, 5]), () => this.ports.linked())
  }

  drop(): void {
    this.#isGone = true
    const { listeners } = this.process.world
    if (this.#bound !== undefined && listeners.get(this.#bound) === this) listeners.delete(this.#bound)
    for (const pipe of this.#pipes) pipe.drop()
    for (const connection of [...this.#fresh, ...this.#accepted]) connection.cut('acceptor')
    this.#accepted.clear()
  }

  #subscribe(subscribed: boolean, prefix: Buffer): void {
    const key = prefix.toString('latin1')
    const count = (this.#prefixes.get(key) ?? 0) + (subscribed ? 1 : -1)
    if (count > 0) this.#prefixes.set(key, count)
    else this.#prefixes.delete(key)
    const send = (connection: Connection | undefined, end: End) =>
      connection?.send(end, subscription(subscribed, prefix))
    for (const pipe of this.#pipes) send(pipe.connection, 'dialer')
    for (const connection of this.#accepted) send(connection, 'acceptor')
  }
}

/** One connection that an XSUB makes, again and again. */
class ClientPipe {
  readonly #client: TopicClient
  readonly #redialed: Redialed
  #waiting: Buffer[] = []

  constructor(client: TopicClient, address: string) {
    this.#client = client
    this.#redialed = new Redialed(client.process, address, {
      connected: (connection) => this.#onConnected(connection),
      arrived: (connection, bytes) => client.arrived(connection, bytes),
      lost: () => client.ports.unlinked(),
    })
  }

  get connection(): Connection | undefined {
    return this.#redialed.connection
  }

  /** Sends a request; while it is not connected, in front of the subscriptions or not at all. */
  send(frame: Buffer): void {
    const { connection } = this
    if (connection) connection.send('dialer', frame)
    else if (this.#waiting.length < 3) this.#waiting.push(frame)
  }

  drop(): void {
    this.#redialed.drop()
  }

  #onConnected(connection: Connection): void {
    const client = this.#client
    const waiting = client.process.random.chance(0.5) ? this.#waiting : []
    this.#waiting = []
    for (const frame of [...waiting, ...client.subscriptions()]) connection.send('dialer', frame)
    client.linkedSoon()
  }
}

function subscription(subscribed: boolean, prefix: Buffer): Buffer {
  return Buffer.concat([Buffer.of(subscribed ? upstream.subscribe : upstream.unsubscribe), prefix])
}
