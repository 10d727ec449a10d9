/** What the service of a publisher with a policy says to those who ask it directly, and what a subscriber takes of such answers. */
import { firstValueFrom, Subject } from 'rxjs'
import t, { type Test } from 'tap'
import { Asked, HistoryCall } from '../../patterns/pubsub/history-call.js'
import { createPublisher } from '../../patterns/pubsub/index.js'
import { TopicsService } from '../../patterns/pubsub/topics-wire.js'
import { createRpcClient } from '../../patterns/rpc/index.js'
import type { Policy, PolicyRequest } from '../../src/index.js'
import { until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { another } from './hubs.js'
import { everybody, keys, server } from './policed.js'

/** A publisher with history and a policy, and a client of its service with the key of bob. */
async function asked(t: Test, policy: Policy) {
  const here = place(t, 'ipc')
  const { runtime } = here
  const links = another(here)
  const publisher = await createPublisher({
    bind: here.bind,
    runtime,
    history: { bind: links },
    security: { keyPair: server, allow: everybody, policy },
  })
  for (const topic of ['ticks.a', 'ticks.secret']) await publisher.topic(topic, Job).sendAll(jobs(5))
  const client = await createRpcClient(TopicsService, {
    connect: links,
    runtime,
    security: { keyPair: keys.bob, serverKey: server.publicKey },
  })
  const source = async () => {
    const following = new Subject<{ follow: readonly string[] }>()
    const { server: id } = await firstValueFrom(client.follow(following))
    return Buffer.from(id as Uint8Array)
  }
  return { publisher, client, source }
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: { value?: { code?: string } }) => error.value?.code,
  )

const onlyA: Policy = [{ identity: 'bob', action: 'subscribe', target: 'ticks.a' }]

const wanted = (pattern: string) => ({ pattern, after: 0, upTo: 0, last: 0, since: null, retained: false })

t.test('a replay and heads of a denied pattern are refused as a whole', async (t) => {
  const { publisher, client, source: sourceOf } = await asked(t, onlyA)
  const source = await sourceOf()
  const events: string[] = []
  publisher.securityEvents.subscribe(({ kind, target }) => kind === 'denied' && events.push(String(target)))
  const denied = 'RIVULET_PERMISSION_DENIED'
  const ranges = [wanted('ticks.a'), wanted('ticks.#')]
  t.equal(await codeOf(firstValueFrom(client.replay({ source, ranges }))), denied)
  t.equal(await codeOf(firstValueFrom(client.heads({ source, patterns: ['ticks.a', 'ticks.*'], after: 0 }))), denied)
  const part = await firstValueFrom(client.replay({ source, ranges: [wanted('ticks.a')] }))
  t.strictSame(
    part.frames?.map(({ topic }) => topic),
    ['ticks.a'],
  )
  await until(() => events.length > 0)
  t.equal(events[0], 'ticks.#')
})

t.test('heads leave out topics that are denied under a wildcard', async (t) => {
  const { client, source: sourceOf } = await asked(t, ({ target }: PolicyRequest) => target !== 'ticks.secret')
  const source = await sourceOf()
  const { heads = [] } = await firstValueFrom(client.heads({ source, patterns: ['#'], after: 0 }))
  t.strictSame(
    heads.map(({ topic }) => topic),
    ['ticks.a'],
  )
})

t.test('sources are listed when a pattern was allowed, and not before', async (t) => {
  const { publisher, client } = await asked(t, onlyA)
  const positions: number[] = []
  const listing = client.sources({}).subscribe(({ present = [] }) => {
    positions.push(...present.map(({ position }) => position))
  })
  const unknown = { source: Buffer.alloc(8), ranges: [wanted('ticks.a')] }
  // one link keeps the order, so that a list would have come before
  t.equal(await codeOf(firstValueFrom(client.replay(unknown))), 'RIVULET_NO_HISTORY')
  t.strictSame(positions, [])
  const requests = new Subject<{ follow: readonly string[] }>()
  const following = client.follow(requests).subscribe()
  requests.next({ follow: ['ticks.a'] })
  await until(() => positions.length > 0)
  t.strictSame(positions, [10])
  for (const one of [listing, following]) one.unsubscribe()
  t.equal(publisher.stats().history.messages, 10)
})

t.test('heads of topics that a publisher may not publish are not taken', async (t) => {
  const heads: string[] = []
  const asker = { fetched() {}, expired() {}, ended() {}, head: (_: unknown, topic: string) => heads.push(topic) }
  const fetch = { source: '0a', purpose: 'check', pattern: '#', after: 0, upTo: 0, last: 0, since: null } as const
  const call = new HistoryCall([new Asked({ ...fetch, retained: false }, asker as never)], {
    maxMessageBytes: 1000,
    clock: new VirtualClock(),
    reject: (error) => t.fail(error.message),
    isPaused: () => false,
    answered() {},
    ended() {},
  })
  const responses = { attach: () => () => {}, resume() {} }
  const access = { admits: (topic: string) => topic.startsWith('ticks.') }
  call.start({ calls: { stream: () => ({ responses }) }, access } as never)
  const head = (topic: string) => ({ topic, next: 2, previous: 1 })
  call.next({ heads: [head('other'), head('ticks.a')], position: 9 })
  t.strictSame(heads, ['ticks.a'])
})
