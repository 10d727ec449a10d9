/**
 * Calls and streams that go on while a test breaks the network, and an account of what became of each of them.
 *
 * Each call has an id of its own, and the server counts how often it ran it; each stream carries its positions. What a
 * fault is, and when it comes, is the business of the test.
 */
import {
  createRpcClient,
  createRpcServer,
  implement,
  type RpcClient,
  type RpcServer,
} from '../../patterns/rpc/index.js'
import { defineService } from '../../src/avro/index.js'
import type { Runtime } from '../../src/runtime/index.js'
import { turn, until } from './events.js'

const numbered = [
  { name: 'id', type: 'int' },
  { name: 'text', type: 'string' },
] as const

/** What is called. */
export const Load = defineService({
  protocol: 'Load',
  types: [{ type: 'record', name: 'Numbered', fields: numbered }],
  messages: {
    work: { request: numbered, response: 'Numbered' },
    follow: { request: [], response: 'int', 'x-stream': 'server' },
    upload: { request: [{ name: 'position', type: 'int' }], response: 'int', 'x-stream': 'client' },
    talk: { request: [{ name: 'position', type: 'int' }], response: 'int', 'x-stream': 'duplex' },
  },
})

/** How much goes on at the same time. */
export interface LoadSize {
  readonly calls: number
  readonly streams: number
}

/** What became of everything. */
export interface LoadReport {
  readonly calls: number
  readonly items: number
  /** What should not have happened, in words; none if all is well. */
  readonly faults: readonly string[]
}

/** Positions of a stream between two turns of the event loop, so that streams leave room for calls. */
const positionsPerTurn = 8

/** The server's side: counts what runs, and how streams come in. */
export class LoadServer {
  readonly runs = new Map<number, number>()
  readonly faults: string[] = []
  server!: RpcServer

  static async open(bind: string, runtime: Runtime): Promise<LoadServer> {
    const load = new LoadServer()
    load.server = await createRpcServer({ bind, runtime, services: [load.#implement()] })
    return load
  }

  #implement() {
    const { runs, faults } = this
    return implement(Load, {
      async work({ id, text }) {
        runs.set(id, (runs.get(id) ?? 0) + 1)
        if (id % 3 === 0) await turn()
        return { id, text }
      },
      follow: async function* () {
        for (let position = 0; ; position++) {
          yield position
          if (position % positionsPerTurn === 0) await turn()
        }
      },
      async upload(requests) {
        let next = 0
        for await (const { position } of requests) {
          if (position !== next) faults.push(`an upload has ${position} where ${next} is due`)
          next = position + 1
        }
        return next
      },
      async *talk(requests) {
        for await (const { position } of requests) yield position
      },
    })
  }
}

/** The client's side: makes calls and streams until it is told to stop. */
export class FaultLoad {
  readonly #client: RpcClient<typeof Load>
  readonly #server: LoadServer
  readonly #faults: string[] = []
  readonly #ends: Promise<void>[] = []
  /** Calls with their outcome, and items that arrived: what tells that things go on. */
  calls = 0
  items = 0
  #nextId = 0
  #stopped = false

  static async open(connect: string, server: LoadServer, runtime: Runtime): Promise<FaultLoad> {
    return new FaultLoad(await createRpcClient(Load, { connect, runtime }), server)
  }

  private constructor(client: RpcClient<typeof Load>, server: LoadServer) {
    this.#client = client
    this.#server = server
  }

  get client(): RpcClient<typeof Load> {
    return this.#client
  }

  /** Begins. */
  start({ calls, streams }: LoadSize): void {
    for (let count = 0; count < calls; count++) this.#ends.push(this.#work())
    const kinds = [() => this.#follow(), () => this.#upload(), () => this.#talk()]
    for (let count = 0; count < streams; count++) {
      const kind = kinds[count % kinds.length] as () => Promise<void>
      this.#ends.push(kind().catch((error) => void this.#faults.push(`a stream failed: ${error}`)))
    }
  }

  /** Resolves when so many more calls have their outcome and items have arrived. */
  async progress(calls: number, items = calls): Promise<void> {
    const [enoughCalls, enoughItems] = [this.calls + calls, this.items + items]
    await until(() => (this.calls >= enoughCalls && this.items >= enoughItems) || this.#faults.length > 0)
  }

  /** Begins nothing more, waits for what is under way, and tells how it went. */
  async stop(): Promise<LoadReport> {
    this.#stopped = true
    await Promise.all(this.#ends)
    const { runs, faults, server } = this.#server
    const all = [...this.#faults, ...faults]
    for (const [id, count] of runs) if (count !== 1) all.push(`call ${id} ran ${count} times`)
    if (runs.size !== this.#nextId) all.push(`${this.#nextId} calls were made, and ${runs.size} ran`)
    if (this.calls !== this.#nextId) all.push(`${this.#nextId} calls were made, and ${this.calls} have an outcome`)
    const { failed, open, waiting } = this.#client.stats()
    // streams that are followed without end are left, which counts as failed
    if (open + waiting > 0) all.push(`${open + waiting} calls are still open, ${failed} failed`)
    await until(() => server.stats().open === 0)
    return { calls: this.calls, items: this.items, faults: all }
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      const id = this.#nextId++
      const text = 'x'.repeat((id * 37) % 700)
      try {
        const answer = await this.#client.promises.work({ id, text })
        if (answer.id !== id || answer.text !== text) this.#faults.push(`call ${id} got the answer of ${answer.id}`)
      } catch (error) {
        this.#faults.push(`call ${id} failed: ${error}`)
      }
      this.calls += 1
    }
  }

  async #follow(): Promise<void> {
    let next = 0
    for await (const position of this.#client.follow()) {
      next = this.#arrived(position, next, 'followed')
      if (this.#stopped) return
    }
    this.#faults.push('a stream without end ended')
  }

  async #upload(): Promise<void> {
    let sent = 0
    const received = await this.#client.promises.upload(
      this.#positions(() => {
        sent += 1
        this.items += 1
      }),
      { timeoutMs: Number.POSITIVE_INFINITY },
    )
    if (received !== sent) this.#faults.push(`an upload of ${sent} arrived as ${received}`)
  }

  async #talk(): Promise<void> {
    let sent = 0
    let next = 0
    for await (const position of this.#client.talk(this.#positions(() => sent++))) {
      next = this.#arrived(position, next, 'talked about')
    }
    if (next !== sent) this.#faults.push(`of ${sent} positions ${next} came back`)
  }

  #arrived(position: number, next: number, how: string): number {
    if (position !== next) this.#faults.push(`position ${position} was ${how} where ${next} is due`)
    this.items += 1
    return position + 1
  }

  async *#positions(sent: () => void) {
    for (let position = 0; !this.#stopped; position++) {
      sent()
      yield { position }
      if (position % positionsPerTurn === 0) await turn()
    }
  }
}
