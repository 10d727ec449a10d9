/**
 * A TCP proxy that does what bad networks do: delay, narrow, swallow, cut, garble and refuse, from a seed.
 *
 * Faults that leave things to chance draw from the seed, a number for each chunk; when chunks come, and how large they
 * are, is the system's business, so that a seed repeats the faults and not the run.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type Chaos, ChaosPipe } from './chaos-pipe.js'
import { reset } from './reset.js'
import { seeded } from './seeded.js'

/** A network without faults. */
const calm: Chaos = {
  delayMs: 0,
  jitterMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  blackHole: 'none',
  flipChance: 0,
  refuse: false,
}

interface Connection {
  readonly near: Socket
  readonly far: Socket
  readonly up: ChaosPipe
  readonly down: ChaosPipe
}

/** Forwards connections to a port of this machine. */
export class ChaosProxy {
  /** Connections that were taken so far, refused ones included. */
  accepted = 0
  readonly #chaos: Chaos = { ...calm }
  readonly #random: () => number
  readonly #connections = new Set<Connection>()
  readonly #server = createServer((near) => this.#join(near))
  readonly #target: number
  #port = 0
  #swallowed = 0

  /**
   * Opens a proxy before a target, an endpoint or a port of this machine, which may come and go.
   *
   * It must be closed: `t.teardown(() => proxy.close())`.
   */
  static async open(target: string | number, seed = 1): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(Number(String(target).split(':').at(-1)), seed)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    proxy.#port = (proxy.#server.address() as AddressInfo).port
    return proxy
  }

  private constructor(target: number, seed: number) {
    this.#target = target
    this.#random = seeded(seed)
  }

  /** The port to connect to. */
  get port(): number {
    return this.#port
  }

  /** The endpoint to connect to. */
  get endpoint(): string {
    return `tcp://127.0.0.1:${this.#port}`
  }

  /** Connections that are open on either side. */
  get connections(): number {
    return this.#connections.size
  }

  /** Bytes that a black hole has swallowed. */
  get swallowed(): number {
    let bytes = this.#swallowed
    for (const { up, down } of this.#connections) bytes += up.swallowed + down.swallowed
    return bytes
  }

  /** Changes faults; those that are not named stay. */
  set(chaos: Partial<Chaos>): this {
    Object.assign(this.#chaos, chaos)
    for (const { up, down } of this.#connections) {
      up.changed()
      down.changed()
    }
    return this
  }

  /** Takes all faults back. */
  calm(): this {
    return this.set(calm)
  }

  /** Ends every connection: with a reset, which drops what is on its way, or with an orderly end. */
  cut(how: 'reset' | 'end' = 'reset'): void {
    for (const connection of [...this.#connections]) this.#end(connection, how)
  }

  /** Cuts everything and takes no more connections. */
  async close(): Promise<void> {
    this.cut()
    if (!this.#server.listening) return
    this.#server.close()
    await once(this.#server, 'close')
  }

  #join(near: Socket): void {
    this.accepted += 1
    near.on('error', () => {})
    if (this.#chaos.refuse) {
      reset(near)
      return
    }
    const far = connect(this.#target, '127.0.0.1')
    far.on('error', () => {})
    const fault = (how: 'reset' | 'end') => this.#end(connection, how)
    const connection = {
      near,
      far,
      up: new ChaosPipe(near, far, 'up', this.#chaos, this.#random, fault),
      down: new ChaosPipe(far, near, 'down', this.#chaos, this.#random, fault),
    }
    this.#connections.add(connection)
  }

  #end(connection: Connection, how: 'reset' | 'end'): void {
    if (!this.#connections.delete(connection)) return
    const { near, far, up, down } = connection
    this.#swallowed += up.swallowed + down.swallowed
    for (const pipe of [up, down]) pipe.stop()
    for (const socket of [near, far]) {
      if (how === 'end') socket.destroySoon()
      else reset(socket)
    }
  }
}
