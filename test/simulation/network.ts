/**
 * A network without sockets: connections whose frames arrive late, in order, and whole, until the connection is cut.
 *
 * Between connections there is no order: what is left of an old one may arrive after what the new one brings. What is
 * lost, is lost at a cut, and each side learns of a cut in its own time; until then it sends into the void.
 */
import type { Random } from './random.js'
import type { Scheduler } from './scheduler.js'

/** One side of a connection. */
export interface NetworkEnd {
  /** A frame has arrived. */
  arrived(connection: Connection, frame: Buffer): void
  /** The connection is known to be lost. */
  lost(connection: Connection): void
}

/** What takes connections. */
export interface Listener extends NetworkEnd {
  /** Whose it is. */
  readonly process: { readonly name: string }
  admit(connection: Connection): void
}

/** What a network is like; times in milliseconds, the rest as probabilities. */
export interface Weather {
  readonly delayMs: number
  readonly jitterMs: number
  /** That a frame arrives with a bit changed. */
  readonly flips: number
  /** That a frame arrives twice, if `mayDouble` says that it may. */
  readonly doubles: number
  /** That a new connection brings the last frames of the old one first. */
  readonly leftovers: number
  /** That what is left of a connection comes long after its cut. */
  readonly late: number
  /** How late that is at the most. */
  readonly lateMs: number
  /** That a side learns of a cut late. */
  readonly halfOpen: number
  /** How late that is at the most. */
  readonly halfOpenMs: number
}

/** Which side of a connection. */
export type End = 'dialer' | 'acceptor'

interface Delivery {
  dropped: boolean
  /** How much later than planned it comes, in milliseconds. */
  lateMs: number
}

/** Frames from one side to the other. */
class Way {
  readonly #to: NetworkEnd
  readonly #onTheWay: Delivery[] = []
  #busyUntil = 0

  constructor(to: NetworkEnd) {
    this.#to = to
  }

  send(connection: Connection, frame: Buffer, arrivesAt: number, scheduler: Scheduler): void {
    const delivery = { dropped: false, lateMs: 0 }
    this.#onTheWay.push(delivery)
    this.#busyUntil = Math.max(this.#busyUntil, arrivesAt)
    const arrive = () => {
      this.#onTheWay.shift()
      this.#to.arrived(connection, frame)
    }
    scheduler.after(this.#busyUntil - scheduler.now, () => {
      if (delivery.lateMs > 0) scheduler.after(delivery.lateMs, arrive)
      else if (!delivery.dropped) arrive()
    })
  }

  hold(until: number): void {
    this.#busyUntil = Math.max(this.#busyUntil, until)
  }

  /** Drops all but the first frames that are on the way, and lets those come late. */
  dropAllBut(kept: number, lateMs: number): void {
    for (const delivery of this.#onTheWay.splice(kept)) delivery.dropped = true
    for (const delivery of this.#onTheWay) delivery.lateMs = lateMs
    this.#busyUntil += lateMs
  }

  get length(): number {
    return this.#onTheWay.length
  }

  /** When the last frame arrives. */
  get busyUntil(): number {
    return this.#busyUntil
  }
}

/** A connection between a dialer and an acceptor. */
export class Connection {
  readonly name: string
  readonly #network: Network
  readonly #ends: Readonly<Record<End, NetworkEnd>>
  readonly #waysTo: Readonly<Record<End, Way>>
  readonly #untold = new Set<End>()
  #open = true

  constructor(name: string, network: Network, ends: Readonly<Record<End, NetworkEnd>>) {
    this.name = name
    this.#network = network
    this.#ends = ends
    this.#waysTo = { dialer: new Way(ends.dialer), acceptor: new Way(ends.acceptor) }
  }

  get isOpen(): boolean {
    return this.#open
  }

  /** Sends a frame; into the void, if the connection was cut. */
  send(from: End, frame: Buffer): void {
    if (!this.#open) return
    const { random, scheduler, weather } = this.#network
    const way = this.#waysTo[from === 'dialer' ? 'acceptor' : 'dialer']
    const times = this.#network.mayDouble(frame) && random.chance(weather.doubles) ? 2 : 1
    const sent = random.chance(weather.flips) ? flipped(frame, random) : frame
    for (let time = 0; time < times; time++) {
      const arrivesAt = scheduler.now + weather.delayMs + random.below(weather.jitterMs + 1)
      way.send(this, sent, arrivesAt, scheduler)
    }
  }

  /** Lets nothing arrive for a while, which then arrives at once. */
  hold(ms: number): void {
    for (const way of Object.values(this.#waysTo)) way.hold(this.#network.scheduler.now + ms)
  }

  /** Cuts the connection; who cut it itself need not be told. */
  cut(by?: End): void {
    if (!this.#open) return
    this.#open = false
    const { random, weather } = this.#network
    for (const way of Object.values(this.#waysTo)) {
      way.dropAllBut(random.below(way.length + 1), random.chance(weather.late) ? random.below(weather.lateMs) : 0)
    }
    for (const end of ['dialer', 'acceptor'] as const) {
      if (end === by) continue
      this.#untold.add(end)
      const late = random.chance(weather.halfOpen) ? random.below(weather.halfOpenMs) : 0
      this.#tellLater(end, weather.delayMs + random.below(weather.jitterMs + 1) + late)
    }
  }

  /** Tells each side of a cut that it has not heard of. */
  reveal(): void {
    for (const end of this.#untold) this.#tellLater(end, 0)
  }

  /** An acceptor hears of a cut behind the last frame, as from a ROUTER; a dialer at any time, as from a monitor. */
  #tellLater(end: End, delayMs: number): void {
    const { scheduler } = this.#network
    const behind = end === 'acceptor' ? this.#waysTo.acceptor.busyUntil - scheduler.now + 1 : 0
    scheduler.after(Math.max(delayMs, behind), () => this.#tell(end))
  }

  #tell(end: End): void {
    if (this.#untold.delete(end)) this.#ends[end].lost(this)
  }
}

/** All connections of a simulation. */
export class Network {
  readonly random: Random
  readonly scheduler: Scheduler
  readonly mayDouble: (frame: Buffer) => boolean
  weather: Weather
  readonly #connections: Connection[] = []
  readonly #apart = new Set<string>()

  constructor(scheduler: Scheduler, random: Random, weather: Weather, mayDouble: (frame: Buffer) => boolean) {
    this.scheduler = scheduler
    this.random = random
    this.weather = weather
    this.mayDouble = mayDouble
  }

  /** Connections that were not cut. */
  get open(): Connection[] {
    return this.#connections.filter(({ isOpen }) => isOpen)
  }

  /** Makes a connection, unless the dialer is cut off. */
  connect(who: string, ends: Readonly<Record<End, NetworkEnd>>): Connection | undefined {
    if (this.#apart.has(who)) return undefined
    const connection = new Connection(`${who}#${this.#connections.length}`, this, ends)
    this.#connections.push(connection)
    return connection
  }

  /** Lets a dialer make no connections for a while. */
  setApart(who: string, ms: number): void {
    this.#apart.add(who)
    this.scheduler.after(ms, () => this.#apart.delete(who))
  }

  /** Ends all trouble: what was cut is known to be cut, and nothing new goes wrong. */
  heal(): void {
    this.weather = { ...this.weather, flips: 0, doubles: 0, leftovers: 0, late: 0, halfOpen: 0 }
    this.#apart.clear()
    for (const connection of this.#connections) connection.reveal()
  }
}

function flipped(frame: Buffer, random: Random): Buffer {
  const copy = Buffer.from(frame)
  const at = random.below(copy.length)
  copy[at] = (copy[at] as number) ^ (1 << random.below(8))
  return copy
}
