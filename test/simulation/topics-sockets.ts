/**
 * The sockets of simulated topics: XPUB, which filters by prefixes and drops frames for subscribers that do not keep up, and XSUB,
 * which subscribes again with each connection.
 *
 * Frames of a connection stay in order, subscriptions and requests too. A cut loses what is in transit.
 */
import { wayOf } from './link-ends.js'
import type { Connection, Listener, NetworkEnd } from './network.js'
import type { TurnProcess, TurnWorld } from './turn-process.js'

/** How long a subscriber waits before it connects again, in milliseconds. */
const waitMs = [20, 200] as const

/** What a frame from a subscriber is: a subscription that ends, one that begins, or something else. */
const upstream = { unsubscribe: 0, subscribe: 1, frame: 2 } as const

/** Frames for one subscriber that it has not read. */
const unread = new WeakMap<Connection, { frames: number }>()

/** What an XPUB has taken from its subscribers. */
export interface TopicServerPorts {
  subscription(subscribed: boolean, prefix: Buffer): void
  /** A frame comes over a connection with these subscriptions, each byte a character. */
  frame(frame: Buffer, prefixes: Iterable<string>): void
  /** A frame was dropped for a subscriber that does not keep up. */
  dropped(topic: Buffer): void
}

/** An XPUB socket. */
export class TopicServer implements Listener {
  readonly process: TurnProcess
  readonly #address: string
  readonly #ports: TopicServerPorts
  readonly #limit: number
  readonly #pipes = new Map<Connection, Map<string, number>>()

  constructor(process: TurnProcess, address: string, limit: number, ports: TopicServerPorts) {
    this.process = process
    this.#address = address
    this.#ports = ports
    this.#limit = limit
    process.world.listeners.set(address, this)
  }

  admit(connection: Connection): void {
    this.#pipes.set(connection, new Map())
    unread.set(connection, { frames: 0 })
  }

  arrived(connection: Connection, frame: Buffer): void {
    this.#read(() => this.#take(connection, frame))
  }

  lost(connection: Connection): void {
    this.#read(() => {
      const pipe = this.#pipes.get(connection)
      this.#pipes.delete(connection)
      for (const [prefix, count] of pipe ?? []) {
        for (let left = count; left > 0; left--) this.#ports.subscription(false, Buffer.from(prefix, 'latin1'))
      }
    })
  }

  /** Sends to each subscriber with a prefix that fits, unless too much waits for it. */
  send([topic, frame]: readonly [Buffer, Buffer]): void {
    const text = topic.toString('latin1')
    for (const [connection, prefixes] of this.#pipes) {
      const pipe = unread.get(connection)
      if (pipe === undefined || ![...prefixes.keys()].some((prefix) => text.startsWith(prefix))) continue
      if (pipe.frames >= this.#limit) {
        this.process.note('drops')
        this.#ports.dropped(topic)
        continue
      }
      pipe.frames += 1
      connection.send('acceptor', Buffer.concat([Buffer.of(topic.length & 0xff, topic.length >> 8), topic, frame]))
    }
  }

  drop(): void {
    const { listeners } = this.process.world
    if (listeners.get(this.#address) === this) listeners.delete(this.#address)
    for (const connection of this.#pipes.keys()) connection.cut('acceptor')
    this.#pipes.clear()
  }

  #read(take: () => void): void {
    this.process.read(nothingHeld, () => {
      take()
      return true
    })
  }

  #take(connection: Connection, frame: Buffer): void {
    const prefixes = this.#pipes.get(connection)
    if (prefixes === undefined) return
    const rest = frame.subarray(1)
    if (frame[0] === upstream.frame) {
      this.#ports.frame(rest, prefixes.keys())
      return
    }
    const prefix = rest.toString('latin1')
    const count = prefixes.get(prefix) ?? 0
    const isNew = frame[0] === upstream.subscribe
    if (!isNew && count === 0) return
    if (isNew || count > 1) prefixes.set(prefix, count + (isNew ? 1 : -1))
    else prefixes.delete(prefix)
    this.#ports.subscription(isNew, rest)
  }
}

/** What an XSUB has taken from its publishers. */
export interface TopicClientPorts {
  /** There is a new connection, and its subscriptions have left. */
  linked(): void
  /** A connection has ended. */
  unlinked(): void
  frame(topic: Buffer, frame: Buffer): void
}

/** An XSUB socket. */
export class TopicClient {
  readonly process: TurnProcess
  readonly ports: TopicClientPorts
  readonly #prefixes = new Map<string, number>()
  readonly #pipes: readonly ClientPipe[]

  constructor(process: TurnProcess, addresses: readonly string[], ports: TopicClientPorts) {
    this.process = process
    this.ports = ports
    this.#pipes = addresses.map((address) => new ClientPipe(this, address))
  }

  get connections(): readonly Connection[] {
    return this.#pipes.flatMap(({ connection }) => connection ?? [])
  }

  /** Whether each of its connections is there. */
  get isConnected(): boolean {
    return this.#pipes.every(({ connection }) => connection?.isOpen)
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
      for (const pipe of this.#pipes) pipe.send(Buffer.concat([Buffer.of(upstream.frame), frame]))
    }
  }

  drop(): void {
    for (const pipe of this.#pipes) pipe.drop()
  }

  #subscribe(subscribed: boolean, prefix: Buffer): void {
    const key = prefix.toString('latin1')
    const count = (this.#prefixes.get(key) ?? 0) + (subscribed ? 1 : -1)
    if (count > 0) this.#prefixes.set(key, count)
    else this.#prefixes.delete(key)
    for (const pipe of this.#pipes) pipe.connection?.send('dialer', subscription(subscribed, prefix))
  }
}

/** One connection of an XSUB, again and again. */
class ClientPipe implements NetworkEnd {
  readonly #client: TopicClient
  readonly #address: string
  connection: Connection | undefined
  #waiting: Buffer[] = []
  #isGone = false

  constructor(client: TopicClient, address: string) {
    this.#client = client
    this.#address = address
    this.#connectLater()
  }

  /** Sends a request; while it is not connected, in front of the subscriptions or not at all. */
  send(frame: Buffer): void {
    if (this.connection) this.connection.send('dialer', frame)
    else if (this.#waiting.length < 3) this.#waiting.push(frame)
  }

  arrived(connection: Connection, bytes: Buffer): void {
    const { process, ports } = this.#client
    process.read(nothingHeld, () => {
      const pipe = unread.get(connection)
      if (pipe) pipe.frames -= 1
      const start = 2 + bytes.readUInt16LE(0)
      if (!this.#isGone) ports.frame(bytes.subarray(2, start), bytes.subarray(start))
      return true
    })
  }

  lost(connection: Connection): void {
    this.#client.process.enqueue(() => {
      if (connection !== this.connection || this.#isGone) return
      this.connection = undefined
      this.#client.ports.unlinked()
      this.#connectLater()
    })
  }

  drop(): void {
    this.#isGone = true
    this.connection?.cut('dialer')
    this.connection = undefined
  }

  #connectLater(): void {
    const { process } = this.#client
    process.enqueueLater(process.random.between(...waitMs), () => {
      if (this.#isGone) return
      const { listeners, network } = process.world as TurnWorld
      const listener = listeners.get(this.#address)
      const ends = listener && { dialer: this, acceptor: listener }
      const connection = ends && network.connect(wayOf(process, listener.process), ends)
      if (listener === undefined || connection === undefined) {
        this.#connectLater()
        return
      }
      process.note('is linked')
      listener.admit(connection)
      this.connection = connection
      const waiting = process.random.chance(0.5) ? this.#waiting : []
      this.#waiting = []
      for (const frame of [...waiting, ...this.#client.subscriptions()]) connection.send('dialer', frame)
      process.enqueueLater(process.random.pick([0, 0, 5]), () => this.#client.ports.linked())
    })
  }
}

const nothingHeld = { takeRest: () => true }

function subscription(subscribed: boolean, prefix: Buffer): Buffer {
  return Buffer.concat([Buffer.of(subscribed ? upstream.subscribe : upstream.unsubscribe), prefix])
}
