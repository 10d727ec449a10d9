/** One direction of one connection of a `ChaosProxy`: what arrives here leaves there, late, changed or never. */
import type { Socket } from 'node:net'

/** What is wrong with the network; every fault can be set and taken back at any time. */
export interface Chaos {
  /** How long each chunk takes, one way, in milliseconds. */
  delayMs: number
  /** How much longer it may take at random, in milliseconds; the order is kept. */
  jitterMs: number
  /** What each direction of a connection passes, in bytes a second. */
  bytesPerSecond: number
  /**
   * Where bytes and ends of connections vanish without a word: `up` is towards the target.
   *
   * A connection that has lost bytes is reset when more of them come after the hole was closed: TCP never goes on past a
   * gap.
   */
  blackHole: 'up' | 'down' | 'both' | 'none'
  /** How probable it is that one bit of a chunk is flipped, 0 to 1. */
  flipChance: number
  /** Whether new connections are reset at once. */
  refuse: boolean
}

/** What may wait in one direction before the sender feels it, in bytes: about what a system's buffer holds. */
const waitingBytes = 1_048_576

interface Chunk {
  readonly bytes: Buffer
  /** When it is due, on the clock of the process. */
  readonly at: number
}

/** Moves bytes from one socket to another. */
export class ChaosPipe {
  /** Bytes that a black hole has swallowed. */
  swallowed = 0
  readonly #from: Socket
  readonly #to: Socket
  readonly #direction: 'up' | 'down'
  readonly #chaos: Readonly<Chaos>
  readonly #random: () => number
  readonly #end: (how: 'reset' | 'end') => void
  #waiting: Chunk[] = []
  #waitingBytes = 0
  /** When the bytes that came so far have left, as slow as that may be. */
  #busyUntil = 0
  #lastDue = 0
  #timer: NodeJS.Timeout | undefined
  #ended: 'reset' | 'end' | undefined
  #stopped = false

  constructor(
    from: Socket,
    to: Socket,
    direction: 'up' | 'down',
    chaos: Readonly<Chaos>,
    random: () => number,
    end: (how: 'reset' | 'end') => void,
  ) {
    this.#from = from
    this.#to = to
    this.#direction = direction
    this.#chaos = chaos
    this.#random = random
    this.#end = end
    from.setNoDelay(true)
    from.on('data', (bytes) => this.#take(bytes))
    from.once('close', (failed) => this.#finish(failed ? 'reset' : 'end'))
    to.on('drain', () => this.#move())
  }

  /** The faults have changed. */
  changed(): void {
    if (this.#ended && !this.#inHole) this.#move()
  }

  /** Forgets what is on its way. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#waiting = []
  }

  get #inHole(): boolean {
    const { blackHole } = this.#chaos
    return blackHole === 'both' || blackHole === this.#direction
  }

  #take(bytes: Buffer): void {
    if (this.#stopped) return
    if (this.#inHole) {
      this.swallowed += bytes.length
      return
    }
    if (this.swallowed > 0) {
      this.#end('reset')
      return
    }
    const { delayMs, jitterMs, bytesPerSecond, flipChance } = this.#chaos
    const now = performance.now()
    this.#busyUntil = Math.max(now, this.#busyUntil) + (1000 * bytes.length) / bytesPerSecond
    const late = delayMs + (jitterMs > 0 ? this.#random() * jitterMs : 0)
    this.#lastDue = Math.max(this.#busyUntil + late, this.#lastDue)
    if (flipChance > 0 && this.#random() < flipChance) flipBit(bytes, this.#random)
    this.#waiting.push({ bytes, at: this.#lastDue })
    this.#waitingBytes += bytes.length
    this.#move()
  }

  /** Sends what is due, and comes again for the rest. */
  #move(): void {
    clearTimeout(this.#timer)
    const now = performance.now()
    while (!this.#stopped && !this.#to.writableNeedDrain) {
      const [next] = this.#waiting
      if (!next) {
        if (this.#ended && !this.#inHole) this.#end(this.#ended)
        break
      }
      if (next.at > now) {
        this.#timer = setTimeout(() => this.#move(), next.at - now)
        break
      }
      this.#waiting.shift()
      this.#waitingBytes -= next.bytes.length
      this.#to.write(next.bytes)
    }
    if (this.#waitingBytes > waitingBytes) this.#from.pause()
    else if (this.#from.isPaused()) this.#from.resume()
  }

  /** The sender has ended, or failed: the receiver hears of it after the last bytes, and not through a hole. */
  #finish(how: 'reset' | 'end'): void {
    this.#ended = how
    this.#move()
  }
}

function flipBit(bytes: Buffer, random: () => number): void {
  const index = Math.floor(random() * bytes.length)
  bytes.writeUInt8(bytes.readUInt8(index) ^ (1 << Math.floor(random() * 8)), index)
}
