/**
 * The publishing socket of simulated topics, XPUB, which filters by prefixes and drops frames for subscribers that do not keep
 * up; and connections that sockets make again and again.
 *
 * Frames of a connection stay in order, subscriptions and requests too. A cut loses what is in transit.
 */
import { inboxMark } from '../../patterns/pubsub/topic-name.js'
import { nothingHeld } from './frame-reads.js'
import { wayOf } from './link-ends.js'
import type { Connection, End, Listener, NetworkEnd } from './network.js'
import type { TurnProcess, TurnWorld } from './turn-process.js'

/** How long a socket waits before it connects again, in milliseconds. */
const waitMs = [20, 200] as const

/** What a frame from a subscriber is: a subscription that ends, one that begins, or something else. */
export const upstream = { unsubscribe: 0, subscribe: 1, frame: 2 } as const

/** Frames for one subscriber that it has not read. */
export const unread = new WeakMap<Connection, { frames: number }>()

/** What an XPUB has taken from its subscribers. */
export interface TopicServerPorts {
  subscription(subscribed: boolean, prefix: Buffer): void
  /** A frame comes over a connection with these subscriptions, each byte a character. */
  frame(frame: Buffer, prefixes: Iterable<string>): void
  /** A frame was dropped for a subscriber that does not keep up. */
  dropped(topic: Buffer): void
  /** No subscriber is connected any more. */
  alone(): void
}

/** What room there is for each subscriber. */
export interface TopicRoom {
  /** Frames that wait before further ones are dropped. */
  readonly frames: number
  /** Whether answers are dropped like frames of topics. */
  readonly isForAnswers: boolean
}

/** A subscriber that is connected, at which end of the connection this side is, and what the other has subscribed. */
interface Pipe {
  readonly end: End
  readonly prefixes: Map<string, number>
}

/** An XPUB socket: it is bound, or dials. */
export class TopicServer implements Listener {
  readonly process: TurnProcess
  readonly #bound: string | undefined
  readonly #ports: TopicServerPorts
  readonly #room: TopicRoom
  readonly #pipes = new Map<Connection, Pipe>()
  readonly #dialed: readonly Redialed[]

  constructor(process: TurnProcess, { bind, connect }: Endpoints, room: TopicRoom, ports: TopicServerPorts) {
    this.process = process
    this.#bound = bind
    this.#ports = ports
    this.#room = room
    if (bind !== undefined) process.world.listeners.set(bind, this)
    this.#dialed = connect.map(
      (address) =>
        new Redialed(process, address, {
          connected: (connection) => this.#attach(connection, 'dialer'),
          arrived: (connection, frame) => this.arrived(connection, frame),
          lost: (connection) => this.lost(connection),
        }),
    )
  }

  admit(connection: Connection): void {
    this.#attach(connection, 'acceptor')
  }

  arrived(connection: Connection, frame: Buffer): void {
    this.#read(() => this.#take(connection, frame))
  }

  lost(connection: Connection): void {
    this.#read(() => {
      const pipe = this.#pipes.get(connection)
      this.#pipes.delete(connection)
      for (const [prefix, count] of pipe?.prefixes ?? []) {
        for (let left = count; left > 0; left--) this.#ports.subscription(false, Buffer.from(prefix, 'latin1'))
      }
      if (this.#pipes.size === 0) this.#ports.alone()
    })
  }

  /** Sends to each subscriber with a prefix that fits, unless too much waits for it. */
  send([topic, frame]: readonly [Buffer, Buffer]): void {
    const text = topic.toString('latin1')
    const { frames, isForAnswers } = this.#room
    const limit = topic[0] === inboxMark && !isForAnswers ? Number.POSITIVE_INFINITY : frames
    for (const [connection, { end, prefixes }] of this.#pipes) {
      const pipe = unread.get(connection)
      if (pipe === undefined || !isWanted(text, prefixes)) continue
      if (pipe.frames >= limit) {
        this.process.note('drops')
        this.#ports.dropped(topic)
        continue
      }
      pipe.frames += 1
      connection.send(end, Buffer.concat([Buffer.of(topic.length & 0xff, topic.length >> 8), topic, frame]))
    }
  }

  drop(): void {
    const { listeners } = this.process.world
    if (this.#bound !== undefined && listeners.get(this.#bound) === this) listeners.delete(this.#bound)
    for (const one of this.#dialed) one.drop()
    for (const [connection, { end }] of this.#pipes) connection.cut(end)
    this.#pipes.clear()
  }

  #attach(connection: Connection, end: End): void {
    this.#pipes.set(connection, { end, prefixes: new Map() })
    unread.set(connection, { frames: 0 })
  }

  #read(take: () => void): void {
    this.process.read(nothingHeld, take)
  }

  #take(connection: Connection, frame: Buffer): void {
    const prefixes = this.#pipes.get(connection)?.prefixes
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

function isWanted(topic: string, prefixes: ReadonlyMap<string, number>): boolean {
  for (const prefix of prefixes.keys()) if (topic.startsWith(prefix)) return true
  return false
}

/** Where a socket is bound, if it is, and where it connects. */
export interface Endpoints {
  readonly bind: string | undefined
  readonly connect: readonly string[]
}

/** What a socket does with a connection that it makes. */
export interface RedialedPorts {
  connected(connection: Connection): void
  arrived(connection: Connection, frame: Buffer): void
  lost(connection: Connection): void
}

/** One connection of a socket to an address, made again and again. */
export class Redialed implements NetworkEnd {
  readonly #process: TurnProcess
  readonly #address: string
  readonly #ports: RedialedPorts
  connection: Connection | undefined
  #isGone = false

  constructor(process: TurnProcess, address: string, ports: RedialedPorts) {
    this.#process = process
    this.#address = address
    this.#ports = ports
    this.#connectLater()
  }

  get isGone(): boolean {
    return this.#isGone
  }

  arrived(connection: Connection, bytes: Buffer): void {
    this.#ports.arrived(connection, bytes)
  }

  lost(connection: Connection): void {
    this.#process.enqueue(() => {
      if (connection !== this.connection || this.#isGone) return
      this.connection = undefined
      this.#ports.lost(connection)
      this.#connectLater()
    })
  }

  drop(): void {
    this.#isGone = true
    this.connection?.cut('dialer')
    this.connection = undefined
  }

  #connectLater(): void {
    const process = this.#process
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
      this.#ports.connected(connection)
    })
  }
}
