/** Subscribers and publishers whose endpoints come from an observable: what was published before a removal arrives. */
import { BehaviorSubject } from 'rxjs'
import t from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { defaults } from '../../src/options/index.js'
import { codesOf, turn, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { Seen } from './seen.js'

const idsOf = (values: readonly { readonly id: number }[]) => values.map(({ id }) => id)
const upTo = (count: number) => Array.from({ length: count }, (_, id) => id)

eachTransport(t, 'a subscriber has everything of publishers that have gone from its list', async (t, at) => {
  const { runtime, bind, transport } = at
  const lists = new BehaviorSubject<readonly string[]>([])
  const subscriber = await createSubscriber({ connect: lists, runtime })
  const codes = codesOf(subscriber)
  const seen = new Seen(subscriber.topic('#', Job))
  const perPublisher = 2000
  for (let round = 0; round < 3; round++) {
    const publisher = await createPublisher({ bind: transport === 'tcp' ? bind : `${bind}-${round}`, runtime })
    lists.next([publisher.endpoint])
    await subscriber.ready
    const sent = publisher.topic('a', Job).sendAll(jobs(perPublisher, round * perPublisher))
    lists.next([])
    await sent
    await publisher.close()
    await seen.count((round + 1) * perPublisher)
    await until(() => subscriber.connected === 0)
  }
  t.strictSame(idsOf(seen.values), upTo(3 * perPublisher))
  t.strictSame(codes, [])
})

eachTransport(t, 'a subscriber that is removed has what was published before', async (t, at) => {
  const { runtime, bind, transport } = at
  const binds = transport === 'tcp' ? [bind, bind] : [bind, `${bind}-2`]
  const [staying, leaving] = await Promise.all(binds.map((one) => createSubscriber({ bind: one, runtime })))
  if (!staying || !leaving) throw new Error('no subscribers')
  const lists = new BehaviorSubject<readonly string[]>([staying.endpoint, leaving.endpoint])
  const publisher = await createPublisher({ connect: lists, runtime })
  const seen = [staying, leaving].map((subscriber) => new Seen(subscriber.topic('#', Job)))
  await Promise.all([staying.ready, leaving.ready])
  const topic = publisher.topic('a', Job)
  await topic.sendAll(jobs(3000))
  lists.next([staying.endpoint])
  await topic.sendAll(jobs(1000, 3000))
  await Promise.all([seen[0]?.count(4000), seen[1]?.count(3000)])
  t.strictSame(idsOf(seen[0]?.values ?? []), upTo(4000))
  t.strictSame(idsOf(seen[1]?.values.slice(0, 3000) ?? []), upTo(3000))
  await leaving.close()
  await until(() => publisher.connected === 1)
})

t.test('connections end under a flood, between two messages, and the others go on', async (t) => {
  const clock = new VirtualClock()
  const { runtime, bind } = place(t, 'inproc', { clock })
  const publishers = await Promise.all(
    [0, 1].map((at) => createPublisher({ bind: `${bind}-${at}`, runtime, overflow: 'drop-oldest' })),
  )
  const [one, two] = publishers.map(({ endpoint }) => endpoint) as [string, string]
  const lists = new BehaviorSubject<readonly string[]>([one, two])
  const subscriber = await createSubscriber({ connect: lists, runtime })
  const received = new Map<string, number[]>()
  const events = subscriber.events('#', Job)
  events.subscribe((event) => {
    if (event.kind !== 'message') return
    const ids = received.get(event.topic) ?? []
    ids.push(event.value.id)
    received.set(event.topic, ids)
  })
  await subscriber.ready
  let isOver = false
  const flood = publishers.map(async (publisher, index) => {
    const topic = publisher.topic(`from.${index}`, Job)
    for (let id = 0; !isOver; id++) {
      topic.next({ id, note: 'x'.repeat(200) })
      if (id % 50 === 0) await turn()
    }
  })
  const count = (topic: string) => received.get(topic)?.length ?? 0
  for (let round = 0; round < 30; round++) {
    lists.next([[one, two], [one], [two]][round % 3] as string[])
    clock.advance(defaults.removedMs)
    clock.advance(defaults.removedMs)
    const topic = round % 3 === 2 ? 'from.1' : 'from.0'
    const before = count(topic)
    await until(() => count(topic) > before + 200)
    if (round % 3 !== 0) await until(() => subscriber.connected === 1)
  }
  isOver = true
  await Promise.all(flood)
  for (const ids of received.values()) {
    t.ok(
      ids.every((id, index) => index === 0 || id > (ids[index - 1] as number)),
      'in order, without duplicates',
    )
  }
})

// over tcp the library drops what it has read; over inproc it would abort the process
t.test('a connection ends although a message of it was read in part, while nobody reads', async (t) => {
  const clock = new VirtualClock()
  const { runtime, bind } = place(t, 'inproc', { clock })
  const publisher = await createPublisher({ bind, runtime })
  const lists = new BehaviorSubject<readonly string[]>([publisher.endpoint])
  const subscriber = await createSubscriber({ connect: lists, runtime })
  const gate = deferred()
  const seen = new Seen(subscriber.topic('#', Job).process(() => gate.promise))
  await subscriber.ready
  const topic = publisher.topic('a', Job)
  const note = 'x'.repeat(100_000)
  // more than there is room for: it stops to read
  await topic.sendAll(Array.from({ length: 300 }, (_, id) => ({ id, note })))
  // the library looks for messages when it sends
  for (const name of ['b', 'c', 'd']) subscriber.topic(name, Job).subscribe().unsubscribe()
  await turn()
  lists.next([])
  clock.advance(defaults.removedMs)
  clock.advance(defaults.removedMs)
  await until(() => subscriber.connected === 0)
  gate.resolve()
  await until(() => seen.values.length === subscriber.stats().received)
  t.ok(seen.values.length > 0 && seen.values.length < 100, `${seen.values.length} had been read`)
})
