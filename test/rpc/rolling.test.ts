/** Clients whose endpoints come from an observable, while servers move and restart: no idempotent call fails. */
import { BehaviorSubject } from 'rxjs'
import t from 'tap'
import { createRpcClient, type RpcServer } from '../../patterns/rpc/index.js'
import { ChildPlant } from '../support/child-plant.js'
import { turn, until } from '../support/events.js'
import { Plant } from '../support/plant.js'
import { type Place, place } from '../support/transports.js'
import { Lab, type LabClient, openServer } from './lab.js'

/** Makes calls without an end, so many at a time, and notes which server answered each. */
class Load {
  readonly answered = new Map<string, number>()
  calls = 0
  #isOver = false
  readonly #callers: Promise<void>[]

  constructor(client: LabClient, concurrency: number) {
    this.#callers = Array.from({ length: concurrency }, async () => {
      while (!this.#isOver) {
        const { text } = await client.promises.peek({ id: this.calls++ })
        this.answered.set(text, (this.answered.get(text) ?? 0) + 1)
      }
    })
  }

  /** Resolves when a server has answered so many further calls. */
  async byServer(name: string, count: number): Promise<void> {
    const before = this.answered.get(name) ?? 0
    await until(() => (this.answered.get(name) ?? 0) >= before + count)
  }

  /** Ends it; rejects if a call has failed. */
  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#callers)
  }
}

let servers = 0

/** A server that answers with its name, in the next turn. */
async function open(at: Place): Promise<{ name: string; server: RpcServer }> {
  const name = `server ${servers++}`
  const peek = async ({ id }: { id: number }) => {
    await turn()
    return { id, text: name }
  }
  return { name, server: await openServer(at, { peek }) }
}

t.test('a server moves to another port, before or after its clients know', async (t) => {
  const at = place(t, 'tcp')
  let present = await open(at)
  const lists = new BehaviorSubject([present.server.endpoint])
  const client = await createRpcClient(Lab, { connect: lists, runtime: at.runtime })
  const load = new Load(client, 8)
  for (let move = 0; move < 6; move++) {
    await load.byServer(present.name, 50)
    const former = present
    present = await open(at)
    if (move % 2 === 0) {
      lists.next([present.server.endpoint])
      await former.server.close()
    } else {
      await former.server.close()
      lists.next([present.server.endpoint])
    }
  }
  await load.byServer(present.name, 50)
  await load.end()
  t.match(client.stats(), { failed: 0, open: 0, waiting: 0 })
  await until(() => client.stats().sessions === 1)
})

t.test('a rolling restart of three servers, ten rounds, with two clients', async (t) => {
  const at = place(t, 'tcp')
  const running = await Promise.all([open(at), open(at), open(at)])
  const endpoints = () => running.map(({ server }) => server.endpoint)
  const lists = new BehaviorSubject<string[]>(endpoints())
  const clients = await Promise.all([1, 2].map(() => createRpcClient(Lab, { connect: lists, runtime: at.runtime })))
  const loads = clients.map((client) => new Load(client, 12))
  for (let round = 0; round < 10; round++) {
    for (const place of running.keys()) {
      const former = running[place] as (typeof running)[number]
      const next = await open(at)
      running[place] = next
      lists.next(endpoints())
      await former.server.close()
      await Promise.all(loads.map((load) => load.byServer(next.name, 20)))
    }
  }
  // a server joins: within the next calls it has its part
  const joined = await open(at)
  lists.next([...endpoints(), joined.server.endpoint])
  await Promise.all(loads.map((load) => load.byServer(joined.name, 1)))
  const before = loads.map(({ answered }) => new Map(answered))
  await Promise.all(loads.map((load) => load.byServer(joined.name, 300)))
  for (const [index, { answered }] of loads.entries()) {
    const parts = [...running, joined].map(({ name }) => (answered.get(name) ?? 0) - (before[index]?.get(name) ?? 0))
    const sum = parts.reduce((all, part) => all + part, 0)
    t.ok(
      parts.every((part) => part > sum / 4 / 2 && part < (sum / 4) * 2),
      `each has its part: ${parts}`,
    )
  }
  await Promise.all(loads.map((load) => load.end()))
  for (const client of clients) t.match(client.stats(), { failed: 0, open: 0, waiting: 0, sessions: 4 })
})

t.test('servers that are killed are replaced, and no idempotent call fails', async (t) => {
  const { runtime } = place(t, 'tcp')
  const start = async () => {
    const child = await ChildPlant.start({ answers: true })
    t.teardown(() => child.kill())
    return child
  }
  const running = [await start(), await start()]
  const lists = new BehaviorSubject(running.map(({ endpoint }) => endpoint))
  const client = await createRpcClient(Plant, { connect: lists, runtime })
  client.errors.subscribe()
  await until(() => client.connected === 2)
  let isOver = false
  let answered = 0
  const callers = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      await client.promises.safe({ id: answered })
      answered += 1
    }
  })
  const failed = Promise.all(callers)
  failed.catch(() => {})
  for (let round = 0; round < 2; round++) {
    const next = await start()
    await running.shift()?.kill()
    running.push(next)
    const before = answered
    await until(() => answered > before + 100)
    lists.next(running.map(({ endpoint }) => endpoint))
    await until(() => client.connected === 2)
  }
  isOver = true
  await failed
  t.match(client.stats(), { failed: 0, open: 0, waiting: 0 })
  await until(() => client.stats().sessions === 2)
})
