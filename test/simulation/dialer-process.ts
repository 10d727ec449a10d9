/** A process of a simulation with a dialer, which makes connections and loses them. */
import { Dialer } from '../../src/session/index.js'
import { frameKind } from '../../src/wire/prelude.js'
import type { AcceptorProcess } from './acceptor-process.js'
import type { Connection } from './network.js'
import { closing, kindOf, lost, type ProcessSettings, SessionProcess, type SessionWorld } from './session-process.js'
import type { Side } from './session-side.js'

/** A process with a dialer. */
export class DialerProcess extends SessionProcess {
  #dialer: Dialer | undefined
  #connection: Connection | undefined
  readonly #to: AcceptorProcess
  /** Connections of this life; a process that was started again has others. */
  readonly #lives = new WeakMap<Connection, number>()
  readonly #flush = () => this.#dialer?.flush()
  #key = ''
  #side: Side | undefined
  /** The last frames that left. */
  #leftovers: Buffer[] = []

  constructor(name: string, world: SessionWorld, settings: ProcessSettings, to: AcceptorProcess) {
    super(name, world, settings)
    this.#to = to
    this.boot()
  }

  get connection(): Connection | undefined {
    return this.#connection
  }

  override boot(): void {
    this.start()
    this.note('boots')
    this.#dialer = new Dialer(this.settings, {
      now: () => this.now,
      random: (bytes) => {
        const id = this.random.bytes(bytes)
        this.#key = id.toString('latin1')
        return id
      },
      transmit: (frame) => {
        this.#transmit(frame)
      },
      flushLater: () => this.flushes.add(this.#flush),
      spend: this.spend,
      reconnect: () => {
        this.#connection?.cut('dialer')
        const connection = this.#connection
        if (connection) this.enqueue(() => this.#down(connection))
      },
      accept: (session) => {
        const user = this.accept(session, 'dialer', this.#key)
        this.#side = user.side
        return user
      },
      report: (error) => this.report(error),
      prover: this.world.security?.proverOf(this.name, this.#to.name),
    })
    this.#connectLater()
  }

  override crash(): void {
    this.note('crashes')
    this.#connection?.cut('dialer')
    this.#connection = undefined
    this.#dialer = undefined
    this.#side = undefined
    this.#leftovers = []
    this.users.clear()
    this.flushes.clear()
    this.stop()
  }

  override announceDrain(): void {
    this.#dialer?.announceDrain()
  }

  override close(): void {
    if (this.#side) this.#side.closed = true
    this.#dialer?.close(closing())
  }

  override arrived(connection: Connection, frame: Buffer): void {
    // a DEALER does not tell which connection a frame came on
    if (this.isAlive && this.#knows(connection)) {
      this.enqueue(() =>
        this.reads.read(this, () => {
          this.watchComing(this.#side, frame)
          this.#dialer?.receive(frame)
        }),
      )
    }
  }

  override lost(connection: Connection): void {
    this.enqueue(() => this.#down(connection))
  }

  protected override get isFull(): boolean {
    return false
  }

  protected override tick(): void {
    this.#dialer?.tick()
  }

  protected override get machine(): Dialer | undefined {
    return this.#dialer
  }

  #knows(connection: Connection): boolean {
    return this.#lives.get(connection) === this.life
  }

  #transmit(frame: Buffer): void {
    const { tamper, security } = this.world
    security?.hear(this.name, kindOf(frame), frame)
    this.watchLeaving(this.#side, frame)
    const sent = (this.#side && tamper?.(this.#side, frame)) ?? frame
    if (kindOf(sent) === frameKind.link) this.#leftovers = [...this.#leftovers.slice(-2), sent]
    this.#connection?.send('dialer', sent)
  }

  #down(connection: Connection): void {
    if (connection !== this.#connection) return
    this.note('down')
    this.#connection = undefined
    this.#dialer?.down(lost())
    this.#connectLater()
  }

  #connectLater(): void {
    this.enqueueLater(this.random.between(1, 200), () => {
      const ends = { dialer: this, acceptor: this.#to }
      const connection = this.#to.isAlive ? this.world.network.connect(this.name, ends) : undefined
      if (!connection) {
        this.#connectLater()
        return
      }
      this.note('up')
      this.#lives.set(connection, this.life)
      this.#to.admit(connection)
      this.#connection = connection
      // a transport may keep what it could not send, and send it first
      if (this.random.chance(this.world.network.weather.leftovers)) {
        for (const frame of this.#leftovers) connection.send('dialer', frame)
      }
      this.#dialer?.up()
    })
  }
}
