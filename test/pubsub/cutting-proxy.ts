/**
 * A TCP proxy that can swallow what goes down, and cut its connections with a reset.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { reset } from '../support/reset.js'
import type { Scope } from '../support/scope.js'

/** Forwards connections to a port of this machine. */
export class CuttingProxy {
  /** Whether bytes from the target are thrown away; a connection that lost some must be cut. */
  swallowing = false
  /** Whether bytes to the target are. */
  swallowingUp = false
  /** Bytes that were thrown away. */
  swallowed = 0
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  readonly #server = createServer((near) => this.#join(near))
  readonly #port: number

  private constructor(target: string) {
    this.#port = Number(target.split(':').at(-1))
  }

  static async open(t: Scope, target: string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => {
      proxy.cut()
      proxy.#server.close()
    })
    return proxy
  }

  get endpoint(): string {
    return `tcp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Resets every connection. */
  cut(): void {
    for (const [near, far] of this.#pairs) {
      reset(near)
      reset(far)
    }
    this.#pairs.clear()
    this.swallowing = false
    this.swallowingUp = false
  }

  #join(near: Socket): void {
    const far = connect(this.#port, '127.0.0.1')
    const pair = [near, far] as const
    this.#pairs.add(pair)
    for (const socket of pair) {
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#pairs.delete(pair)
        near.destroy()
        far.destroy()
      })
    }
    near.on('data', (bytes) => {
      if (this.swallowingUp) this.swallowed += bytes.length
      else far.write(bytes)
    })
    far.on('data', (bytes) => {
      if (this.swallowing) this.swallowed += bytes.length
      else near.write(bytes)
    })
  }
}
