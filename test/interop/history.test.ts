/** History read by a Python program that was written from docs/reference/protocol alone. */
import { filter, firstValueFrom } from 'rxjs'
import t, { type Test } from 'tap'
import {
  createHub,
  createPublisher,
  createSubscriber,
  type Publisher,
  type TopicPublisher,
} from '../../patterns/pubsub/index.js'
import { firstFew, turn, until } from '../support/events.js'
import { Former } from './job.js'
import { peer, transports, withPython } from './python.js'

interface Task {
  readonly id: number
  readonly text: string
}

/** What Python has delivered of a message. */
interface Delivered {
  readonly message: Task
  readonly topic: string
  readonly sequence: number
  readonly position: number
  readonly way: 'history' | 'retained' | 'live' | 'repair'
  readonly time: Date
  readonly retained: boolean
}

/** What Python saw when it was done. */
interface End {
  readonly counts: { readonly messages: number; readonly duplicates: number; readonly repaired: number }
  readonly cursor: { readonly after: number; readonly topics: Readonly<Record<string, number>> }
  readonly lost: number
}

/** A frame of a replay. */
interface Replayed {
  readonly topic: string
  readonly retained: boolean
  readonly schemaId: Buffer
  readonly sequence: number
  readonly count: number
  readonly time: Date
}

const task = (id: number): Task => ({ id, text: `task ${id}` })
const tasks = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => task(from + at))
const numbers = (from: number, to: number) => tasks(from, to).map(({ id }) => id)

/** Opens a publisher; returns what Python needs to follow it. */
async function open(t: Test, transport: string, history?: object) {
  const place = transports[transport]?.()
  if (place === undefined) throw new Error(transport)
  t.teardown(place.remove)
  const publisher = await createPublisher({ bind: place.bind, ...(history && { history }) })
  t.teardown(() => publisher.close())
  return { publisher, links: `${publisher.endpoint}.links`, topic: (name: string) => publisher.topic(name, Former) }
}

/** Resolves when Python has subscribed to a prefix: `at.live` is what it subscribes to when history is complete. */
async function reached(publisher: Publisher, prefix: string, following: Promise<unknown>): Promise<void> {
  const changes = publisher.subscriptions.pipe(
    filter((change) => change.kind === 'subscribed' && change.prefix === prefix),
  )
  await Promise.race([firstValueFrom(changes), following])
}

/** Sends messages, each in a frame of its own. */
async function sendEach(topic: TopicPublisher<Task>, messages: readonly Task[]): Promise<void> {
  for (const message of messages) {
    await topic.send(message)
    await turn()
  }
}

function endOf(seen: readonly unknown[]): End {
  return seen.find((line) => (line as End).counts !== undefined) as End
}

function deliveredOf(seen: readonly unknown[], name?: string): Delivered[] {
  const all = seen.filter((line) => (line as Delivered).message !== undefined) as Delivered[]
  return name === undefined ? all : all.filter(({ topic }) => topic === name)
}

/** Which messages came, in order; the number of each is that of its frame. */
function idsOf(t: Test, seen: readonly unknown[], name: string): number[] {
  const delivered = deliveredOf(seen, name)
  t.ok(
    delivered.every(({ message, sequence }) => message.id === sequence),
    'numbers',
  )
  return delivered.map(({ sequence }) => sequence)
}

function gapsOf(seen: readonly unknown[]): unknown[] {
  return seen.flatMap((line) => (line as { gap?: unknown }).gap ?? [])
}

for (const transport of Object.keys(transports)) {
  for (const upTo of ['answer', 'end']) {
    const text = `what was published before and meanwhile, once and in order, up to the ${upTo}, over ${transport}`
    t.test(text, withPython, async (t) => {
      const { publisher, topic } = await open(t, transport, {})
      const [east, west] = [topic('tasks.east.new'), topic('tasks.west.new')]
      const other = topic('tasks.east.old')
      for (let id = 1; id <= 100; id += 10) {
        await Promise.all([east, west, other].map((one) => one.sendAll(tasks(id, id + 9))))
        await turn()
      }
      const asked = { socket: 'XSUB', prefix: 'tasks.', pattern: 'tasks.*.new', hold: 3, upTo }
      const following = peer({ do: 'follow', connect: publisher.endpoint, ...asked, until: { messages: 400 } })
      await reached(publisher, 'tasks', following)
      const publishing = (async () => {
        for (let id = 101; id <= 200; id += 2) {
          await Promise.all([east, west, other].map((one) => one.sendAll(tasks(id, id + 1))))
          await turn()
          // the last ones leave when history is complete
          if (id === 149) await reached(publisher, 'at.live', following)
        }
      })()
      const seen = await following
      await publishing
      for (const name of ['tasks.east.new', 'tasks.west.new']) {
        t.strictSame(idsOf(t, seen, name), numbers(1, 200), name)
      }
      t.strictSame(gapsOf(seen), [])
      const { counts } = endOf(seen)
      t.equal(counts.messages, 400)
      t.equal(counts.repaired, 0)
      if (upTo === 'end') t.ok(counts.duplicates > 0, 'what was held came from history, too')
      const ways = new Set(deliveredOf(seen).map(({ way }) => way))
      t.strictSame([...ways], ['history', 'live'])
    })
  }
}

t.test('a plain SUB socket repairs what it has lost, the last messages by a beacon', withPython, async (t) => {
  const { publisher, links, topic } = await open(t, 'ipc', {})
  const east = topic('tasks.east')
  await sendEach(east, tasks(1, 3))
  const follow = { socket: 'SUB', prefix: 'tasks.', pattern: 'tasks.#', lose: { 'tasks.east': [5, 6, 9, 10] } }
  const following = peer({ do: 'follow', connect: publisher.endpoint, links, ...follow, until: { messages: 10 } })
  await reached(publisher, 'at.live', following)
  await sendEach(east, tasks(4, 10))
  const seen = await following
  t.strictSame(idsOf(t, seen, 'tasks.east'), numbers(1, 10))
  t.strictSame(gapsOf(seen), [])
  t.match(endOf(seen), { counts: { messages: 10, duplicates: 0, repaired: 4 }, lost: 4 })
  const repaired = deliveredOf(seen).filter(({ way }) => way === 'repair')
  t.strictSame(
    repaired.map(({ sequence }) => sequence),
    [5, 6, 9, 10],
  )
})

t.test('a reader that does not wait for a beacon asks where the topics stand', withPython, async (t) => {
  const { publisher, topic } = await open(t, 'tcp', {})
  const [east, west] = [topic('tasks.east'), topic('tasks.west')]
  await east.send(task(1))
  const lose = { 'tasks.east': [2], 'tasks.west': [1, 2] }
  const asked = { socket: 'XSUB', prefix: 'tasks.', pattern: 'tasks.*', lose, heads: true }
  const following = peer({ do: 'follow', connect: publisher.endpoint, ...asked, until: { messages: 2 } })
  await reached(publisher, 'at.live', following)
  await sendEach(west, tasks(1, 2))
  await sendEach(east, tasks(2, 2))
  await topic('tasks.last').send(task(1))
  const seen = await following
  t.strictSame(idsOf(t, seen, 'tasks.east'), [1, 2])
  t.strictSame(idsOf(t, seen, 'tasks.west'), [1, 2])
  t.match(endOf(seen), { counts: { messages: 5, repaired: 3 }, lost: 3 })
})

t.test('what is not kept any more is named, at the beginning and in a repair', withPython, async (t) => {
  const { publisher, topic } = await open(t, 'tcp', { maxMessages: 10 })
  const east = topic('tasks.east')
  await sendEach(east, tasks(1, 25))
  const asked = { socket: 'XSUB', prefix: 'tasks.', pattern: '#', lose: { 'tasks.east': numbers(26, 40) }, missed: 20 }
  const following = peer({ do: 'follow', connect: publisher.endpoint, ...asked, until: { messages: 20 } })
  await reached(publisher, 'at.live', following)
  const missed = firstValueFrom(publisher.errors)
  // in one frame, so that it shows what is missing when all of it has been kept
  await sendEach(east, tasks(26, 36))
  await east.sendAll(tasks(37, 41))
  const seen = await following
  const place = { topic: 'tasks.east', reason: 'expired' }
  t.strictSame(gapsOf(seen), [
    { ...place, from: 1, to: 15 },
    { ...place, from: 26, to: 31 },
  ])
  t.strictSame(idsOf(t, seen, 'tasks.east'), [...numbers(16, 25), ...numbers(32, 41)])
  t.equal((await missed).code, 'RIVULET_MESSAGES_MISSED')
  t.equal(publisher.stats().history.missedBySubscribers, 20)
})

t.test('a reader continues behind the last message that it had of each topic', withPython, async (t) => {
  const { publisher, topic } = await open(t, 'tcp', {})
  const [east, west] = [topic('tasks.east'), topic('tasks.west')]
  await Promise.all([east, west].map((one) => one.sendAll(tasks(1, 5))))
  const asked = { do: 'follow', connect: publisher.endpoint, socket: 'XSUB', prefix: 'tasks.', pattern: 'tasks.*' }
  const lose = { 'tasks.west': [6] }
  const following = peer({ ...asked, upTo: 'answer', lose, until: { messages: 12 } })
  await reached(publisher, 'at.live', following)
  // the first one is lost, and nothing of its topic comes behind it
  await Promise.all([west.sendAll(tasks(6, 6)), east.sendAll(tasks(6, 7))])
  const { cursor } = endOf(await following)
  t.strictSame(cursor, { after: 10, topics: { 'tasks.east': 8, 'tasks.west': 6 } })
  await Promise.all([east, west].map((one) => one.sendAll(tasks(one === east ? 8 : 7, 9))))
  const seen = await peer({ ...asked, since: cursor, heads: true, until: { messages: 6 } })
  t.strictSame(idsOf(t, seen, 'tasks.east'), numbers(8, 9))
  t.strictSame(idsOf(t, seen, 'tasks.west'), numbers(6, 9))
  t.strictSame(gapsOf(seen), [])
  t.match(endOf(seen), { cursor: { after: 18 } })
})

t.test('retained values come first, then new ones and tombstones', withPython, async (t) => {
  const { publisher, topic } = await open(t, 'tcp')
  const [east, west] = [topic('tasks.east'), topic('tasks.west')]
  await east.send(task(1))
  await east.retain(task(2))
  await west.retain(task(1))
  await east.retain(task(3))
  await east.send(task(4))
  const asked = { socket: 'XSUB', prefix: 'tasks.', pattern: 'tasks.#', upTo: 'answer', since: { retained: true } }
  const until = { messages: 3, marks: ['tombstone'] }
  const following = peer({ do: 'follow', connect: publisher.endpoint, ...asked, until })
  await reached(publisher, 'at.live', following)
  await west.retain(task(2))
  east.clear()
  const seen = await following
  t.match(
    deliveredOf(seen).map(({ topic, sequence, way, retained }) => [topic, sequence, way, retained]),
    [
      ['tasks.west', 1, 'retained', true],
      ['tasks.east', 3, 'retained', true],
      ['tasks.west', 2, 'live', true],
    ],
  )
  t.strictSame(gapsOf(seen), [])
  const tombstone = seen.find((line) => (line as { mark?: string }).mark === 'tombstone')
  t.strictSame(tombstone, { mark: 'tombstone', topic: 'tasks.east', next: 5 })
  const [rest] = (await peer({
    do: 'ask-history',
    connect: publisher.endpoint,
    asks: [{ method: 'replay', pattern: '#', retained: true }],
  })) as [{ frames: Replayed[] }]
  t.match(rest.frames, [{ topic: 'tasks.west', retained: true, sequence: 2, count: 1 }])
})

t.test('the service of history, call by call', withPython, async (t) => {
  const { publisher, topic } = await open(t, 'tcp', {})
  const [east, west] = [topic('tasks.east'), topic('tasks.west')]
  await sendEach(east, tasks(1, 4))
  const later = Date.now()
  while (Date.now() === later) await turn()
  await sendEach(west, tasks(1, 3))
  await east.sendAll(tasks(5, 7))
  const all = { method: 'replay', pattern: '#' }
  const ask = (...asks: object[]) => peer({ do: 'ask-history', connect: publisher.endpoint, asks })
  const [sources, everything, last, range, exact, words, heads, moved, unknown, invalid, negative] = (await ask(
    { method: 'sources' },
    all,
    { ...all, last: 2 },
    { ...all, after: 3, up_to: 6 },
    { method: 'replay', pattern: 'tasks.west' },
    { method: 'replay', pattern: 'tasks.*.more' },
    { method: 'heads', patterns: ['tasks.#'] },
    { method: 'heads', patterns: ['#'], after: 7 },
    { ...all, source: Buffer.alloc(8) },
    { method: 'replay', pattern: '' },
    { ...all, after: -1 },
  )) as [{ sources: object[] }, ...{ frames: Replayed[]; position: number }[]]
  t.match(sources, { sources: [{ position: 10 }] })
  const placesOf = (seen: { frames: Replayed[] } | undefined) =>
    seen?.frames.map(
      ({ topic, sequence, count }) => `${topic} ${sequence}${count > 1 ? ` to ${sequence + count - 1}` : ''}`,
    )
  const each = [...numbers(1, 4).map((at) => `tasks.east ${at}`), ...numbers(1, 3).map((at) => `tasks.west ${at}`)]
  t.strictSame(placesOf(everything), [...each, 'tasks.east 5 to 7'])
  t.match(everything, { expired: [], position: 10, schemas: { length: 1 } })
  t.strictSame(placesOf(last), ['tasks.west 2', 'tasks.west 3', 'tasks.east 5 to 7'], 'a frame may hold more')
  t.strictSame(placesOf(range), ['tasks.east 4', 'tasks.west 1', 'tasks.west 2'])
  t.match(range, { position: 6 })
  t.strictSame(placesOf(exact), each.slice(4))
  t.match(words, { frames: { length: 0 } })
  const standing = { heads: [{ topic: 'tasks.east', next: 8, previous: 10 }] }
  t.match(moved, { ...standing, position: 10 })
  t.strictSame((heads as unknown as { heads: { topic: string }[] }).heads.map(({ topic }) => topic).sort(), [
    'tasks.east',
    'tasks.west',
  ])
  t.strictSame(unknown, { refused: 'RIVULET_NO_HISTORY' })
  t.strictSame(invalid, { refused: 'RIVULET_INVALID_REQUEST' })
  t.strictSame(negative, { refused: 'RIVULET_INVALID_REQUEST' })
  const since = everything?.frames[4]?.time as Date
  const [sinceThen] = (await ask({ ...all, since })) as [{ frames: Replayed[] }]
  t.strictSame(placesOf(sinceThen), [...each.slice(4), 'tasks.east 5 to 7'])
})

t.test('a hub serves the history of a publisher that has left', withPython, async (t) => {
  const bind = 'tcp://127.0.0.1:*'
  await using hub = await createHub({ publishers: { bind }, subscribers: { bind } })
  const publisher = await createPublisher({ connect: hub.publishers.endpoint })
  // nobody has subscribed yet: these do not come to the hub
  await publisher.topic('tasks.east', Former).sendAll(tasks(1, 2))
  await using subscriber = await createSubscriber({ connect: hub.subscribers.endpoint })
  const passed = firstFew(subscriber.topic('tasks.#', Former), 3)
  await subscriber.ready
  await publisher.topic('tasks.east', Former).sendAll(tasks(3, 5))
  await passed
  await publisher.close()
  await until(() => hub.publishers.connected === 0)
  const asked = { socket: 'XSUB', prefix: 'tasks.', pattern: 'tasks.*', upTo: 'answer', until: {} }
  const seen = await peer({ do: 'follow', connect: hub.subscribers.endpoint, ...asked })
  t.match(seen[0], { answer: { role: 'kept', position: 5, links: { length: 1 } } })
  t.strictSame(gapsOf(seen), [{ topic: 'tasks.east', from: 1, to: 2, reason: 'expired' }])
  t.strictSame(idsOf(t, seen, 'tasks.east'), numbers(3, 5))
})

t.test('the answer of a publisher without history names no links', withPython, async (t) => {
  const { publisher, topic } = await open(t, 'tcp')
  await topic('tasks.east').send(task(1))
  const [answer] = await peer({ do: 'ask-history', connect: publisher.endpoint, asks: [] })
  t.match(answer, { answer: { position: 1, links: null } })
})
