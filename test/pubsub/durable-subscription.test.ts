/** The durable subscription of docs/patterns/durable-subscriptions.md: whatever is killed, each message of a topic enters the queue once. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import t, { type Test } from 'tap'
import { createPublisher, createSubscriber, type HistoryOptions, type Publisher } from '../../patterns/pubsub/index.js'
import { createConsumer, createProducer, createQueueHost, type QueueHost } from '../../patterns/queue/index.js'
import { root } from '../../tools/build.js'
import { loader, modulePath } from '../child-process.js'
import { failure } from '../queue-durable/queues.js'
import { guideText } from '../repository/sources.js'
import { turn, until } from '../support/events.js'
import { seeded } from '../support/seeded.js'
import { type Place, place } from '../support/transports.js'
import { Entry, join, Tick } from './joining.js'

const topics = ['ticks.acme', 'ticks.globex', 'ticks.umbrella']

/** A publisher, a host with the queue, and the folder of the cursors. */
class World {
  readonly folder: string
  readonly host: QueueHost
  readonly publisher: Publisher
  readonly #place: Place
  #published = 0

  static async open(t: Test, history: HistoryOptions = {}, limits: { maxLength?: number } = {}): Promise<World> {
    const where = place(t, 'tcp')
    const { runtime, bind } = where
    const queues = { ticks: { dedupeMs: 86_400_000, keyOrder: true, ...limits } }
    const host = await createQueueHost({ runtime, bind, store: 'memory', queues })
    return new World(t, where, host, await createPublisher({ runtime, bind, history }))
  }

  private constructor(t: Test, where: Place, host: QueueHost, publisher: Publisher) {
    this.#place = where
    this.host = host
    this.publisher = publisher
    this.folder = mkdtempSync(joinPath(tmpdir(), 'rivulet-'))
    t.teardown(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  get published(): number {
    return this.#published
  }

  /** Publishes on the topics in turn. */
  async publish(count: number): Promise<void> {
    for (let left = count; left > 0; left--) {
      const topic = topics[this.#published++ % topics.length] as string
      await this.publisher.topic(topic, Tick).send({ price: this.#published })
      if (this.#published % topics.length === 0) await turn() // frames of one message
    }
  }

  /** Joins in this process; the function ends it. */
  async joined(cursor: string): Promise<{ readonly ended: Promise<void>; leave(): Promise<void> }> {
    const { runtime } = this.#place
    const producer = await createProducer({ runtime, connect: this.host.endpoint, queue: 'ticks', schema: Entry })
    const subscriber = await createSubscriber({ runtime, connect: this.publisher.endpoint })
    const ended = join(subscriber, producer, this.file(cursor))
    const leave = async () => {
      await subscriber.close()
      await ended
      await producer.close()
    }
    return { ended, leave }
  }

  /** Joins in another process. */
  start(t: Test, cursor: string): ChildProcess {
    const program = modulePath('test/pubsub/joining-process.ts')
    const args = [this.publisher.endpoint, this.host.endpoint, this.file(cursor)]
    const command = ['-u', 'NODE_OPTIONS', process.execPath, ...loader, program, ...args]
    const child = spawn('env', command, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    t.teardown(() => child.kill('SIGKILL'))
    return child
  }

  file(cursor: string): string {
    return joinPath(this.folder, cursor)
  }

  get depth(): number {
    return this.host.queue('ticks').stats().depth
  }

  /** The queue, topic by topic in its order: what messages it has, and what gaps. */
  async contents(): Promise<Map<string, Entry[]>> {
    const entries = new Map<string, Entry[]>(topics.map((topic) => [topic, []]))
    for (const { value } of await this.host.queue('ticks').peek(10_000, { schema: Entry })) {
      if (value) entries.get(value.topic)?.push(value)
    }
    return entries
  }
}

/** Faults of a queue which must have every number of every topic once, in order. */
async function faults(world: World): Promise<string[]> {
  const found: string[] = []
  let covered = 0
  for (const [index, topic] of topics.entries()) {
    let next = 1
    for (const { from, to, tick } of (await world.contents()).get(topic) ?? []) {
      if (from !== next) found.push(`${topic}: ${from} in place of ${next}`)
      if (tick && tick.price !== (from - 1) * topics.length + index + 1) found.push(`${topic} ${from} is ${tick.price}`)
      next = to + 1
    }
    covered += next - 1
  }
  if (covered !== world.published) found.push(`${covered} of ${world.published}`)
  return found
}

t.test(
  'each message is in the queue once, in the order of its topic, when the joining process is killed',
  async (t) => {
    const world = await World.open(t)
    const random = seeded(16)
    for (let round = 0; round < 3; round++) {
      await world.publish(300) // some while nobody is there
      const due = world.depth + 1 + Math.floor(random() * 500)
      const child = world.start(t, 'cursor')
      const ended = once(child, 'exit')
      await until(() => world.depth > 0)
      await world.publish(300) // and some live
      await until(() => world.depth >= due)
      child.kill('SIGKILL')
      await ended
    }
    const last = await world.joined('cursor')
    await world.publish(3)
    await until(() => world.depth >= world.published)
    await last.leave() // it has entered all that it had taken
    t.strictSame(await faults(world), [])
    t.equal(world.depth, world.published)
  },
)

t.test('two that join at once enter each message once', async (t) => {
  const world = await World.open(t)
  await world.publish(500)
  const joined = await Promise.all(['one', 'two'].map((cursor) => world.joined(cursor)))
  await world.publish(500)
  await until(() => world.depth >= world.published && world.host.queue('ticks').stats().duplicates > 0) // both have sent
  for (const { leave } of joined) await leave()
  t.strictSame(await faults(world), [])
  t.equal(world.depth, world.published)
})

t.test('one that closes while it fetches history enters no gap, and the next one enters the rest', async (t) => {
  const world = await World.open(t)
  await world.publish(9000)
  const first = await world.joined('cursor')
  await until(() => world.depth > 0)
  await first.leave()
  t.ok(world.depth < world.published, `${world.depth} of ${world.published}`)
  const second = await world.joined('cursor')
  await until(() => world.depth >= world.published)
  await second.leave()
  t.strictSame(await faults(world), [])
  t.equal(world.depth, world.published)
})

t.test('what the publisher keeps no longer is in the queue as a gap', async (t) => {
  const world = await World.open(t, { maxMessages: 30 })
  const before = await world.joined('cursor')
  await world.publish(30)
  await until(() => world.depth === 30)
  await before.leave()
  await world.publish(90)
  const after = await world.joined('cursor')
  await until(() => world.depth === 63)
  await after.leave()
  t.strictSame(await faults(world), [])
  const gaps = [...(await world.contents()).values()].flat().filter(({ tick }) => tick === null)
  t.strictSame(
    gaps.map(({ from, to }) => [from, to]),
    topics.map(() => [11, 30]),
  )
})

t.test('it ends when the queue refuses an entry, and begins with that one again', async (t) => {
  const world = await World.open(t, {}, { maxLength: 100 })
  await world.publish(150)
  const first = await world.joined('cursor')
  t.equal((await failure(first.ended)).code, 'RIVULET_QUEUE_FULL')
  t.equal(world.depth, 100)
  await world.host.queue('ticks').purge()
  const second = await world.joined('cursor')
  await until(() => world.depth >= 50)
  await second.leave()
  const prices = [...(await world.contents()).values()].flat().map(({ tick }) => tick?.price ?? 0)
  t.strictSame(
    prices.sort((a, b) => a - b),
    Array.from({ length: 50 }, (_, index) => index + 101),
  )
})

t.test('consumers of the queue share the topic', async (t) => {
  const world = await World.open(t)
  const { leave } = await world.joined('cursor')
  const group = await Promise.all(
    [0, 1].map(() => createConsumer({ connect: world.host.endpoint, queue: 'ticks', schema: Entry })),
  )
  t.teardown(() => Promise.all(group.map((member) => member.close())))
  const taken: number[][] = group.map(() => [])
  for (const [index, member] of group.entries()) {
    member.process(({ tick }) => taken[index]?.push(tick?.price ?? 0), { concurrency: 2 }).subscribe()
  }
  await Promise.all(group.map((member) => member.whenConnected()))
  await world.publish(300)
  await until(() => taken.flat().length >= 300)
  await leave()
  t.strictSame(
    taken.flat().sort((a, b) => a - b),
    Array.from({ length: 300 }, (_, index) => index + 1),
  )
  t.ok(
    taken.every(({ length }) => length > 0),
    taken.map(({ length }) => length).join(),
  )
})

t.test('the page shows the function that is tested here', async (t) => {
  const [, code = ''] =
    /export (async function join[\s\S]*?\n}\n)/.exec(readFileSync(joinPath(root, 'test/pubsub/joining.ts'), 'utf8')) ??
    []
  t.ok(code.length > 500 && guideText('docs/patterns').includes(code))
})
