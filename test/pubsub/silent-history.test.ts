/**
 * Publishers whose links are live, and that serve nothing of what they are asked: repairs are given up, late subscribers wait.
 */
import { NEVER, of, Subject } from 'rxjs'
import t from 'tap'
import { HistoryClient } from '../../patterns/pubsub/history-client.js'
import type { HistoryFetch } from '../../patterns/pubsub/history-fetch.js'
import { TopicLinkSet } from '../../patterns/pubsub/topic-links.js'
import { type ReplayPart, TopicsService } from '../../patterns/pubsub/topics-wire.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import { CallHost } from '../../src/call/index.js'
import { systemClock } from '../../src/clock/index.js'
import { until } from '../support/events.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'

const source = '0123456789abcdef'
const options = { insecure: false, security: undefined, maxItemBytes: 4_194_304 }
const maker = { adopt() {}, release() {}, report() {} }

t.test(
  'a repair of which nothing arrives is unavailable, and the history of a late subscriber is waited for',
  async (t) => {
    const { runtime, bind } = place(t, 'tcp')
    const replays = new Map<number, Subject<ReplayPart>>()
    const handlers = new Map<string, (request: never) => unknown>([
      ['sources', () => of({ present: [{ source: Buffer.from(source, 'hex'), position: 9 }] })],
      [
        'replay',
        ({ ranges: [range] }: { ranges: { upTo: number }[] }) => {
          const parts = new Subject<ReplayPart>()
          replays.set(range?.upTo ?? 0, parts)
          return parts
        },
      ],
      ['heads', () => NEVER],
    ])
    const host = new CallHost([{ codec: serviceOf(TopicsService), handlers: handlers as never }], {
      clock: systemClock,
      report: () => {},
    })
    const clock = new VirtualClock()
    const client = new HistoryClient({
      clock,
      timeoutMs: 5000,
      maxMessageBytes: 1_048_576,
      name: () => 'test',
      report: (error) => t.fail(String(error)),
      reject: (error) => t.fail(String(error)),
    })
    const listener = await TopicLinkSet.open({ ...options, runtime, bind: [bind] }, maker, [host])
    const dialer = await TopicLinkSet.open({ ...options, runtime, bind: [] }, maker, [client])
    t.teardown(() => Promise.all([listener, dialer].map((one) => one.close({ drain: false }))))
    listener.ref()
    dialer.dial([{ address: listener.endpoint }])

    const said: string[] = []
    const asker = {
      fetched() {},
      head() {},
      expired: ({ purpose }: HistoryFetch, topic: string, sequence: number) =>
        said.push(`${purpose} ${topic}${sequence} expired`),
      ended: ({ purpose }: HistoryFetch, outcome: string) => said.push(`${purpose} ${outcome}`),
    }
    const asked = { source, pattern: 'a', after: 0, last: 0, since: null, retained: false }
    client.fetch({ ...asked, purpose: 'repair', upTo: 8 }, asker)
    client.fetch({ ...asked, purpose: 'history', upTo: 9 }, asker)
    await until(() => replays.size === 2)
    clock.advance(4500)
    replays.get(8)?.next({ expired: [{ topic: 'a', sequence: 3, position: 3 }], position: 3 })
    await until(() => said.length === 1)
    clock.advance(4500)
    t.strictSame(said, ['repair a3 expired'], 'what arrives is progress')
    client.isPaused = true
    clock.advance(60_000)
    client.isPaused = false
    clock.advance(4500)
    t.equal(said.length, 1, 'the time does not run while nothing is read')
    clock.advance(1000)
    t.strictSame(said.slice(1), ['repair unavailable'])
    clock.advance(600_000)
    t.equal(said.length, 2)
    t.ok(client.isAsking(source))
  },
)
