/**
 * Publishers whose links are live, and that serve nothing of what they are asked: what shows no life is given up.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { NEVER, of, Subject } from 'rxjs'
import t, { type Test } from 'tap'
import { HistoryClient } from '../../patterns/pubsub/history-client.js'
import type { HistoryFetch } from '../../patterns/pubsub/history-fetch.js'
import { createSubscriber } from '../../patterns/pubsub/index.js'
import { TopicLinkSet } from '../../patterns/pubsub/topic-links.js'
import { type ReplayPart, TopicsService } from '../../patterns/pubsub/topics-wire.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import { CallHost } from '../../src/call/index.js'
import { systemClock } from '../../src/clock/index.js'
import { loader, modulePath } from '../child-process.js'
import { until } from '../support/events.js'
import { Job } from '../support/job.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'

const source = '0123456789abcdef'
const options = { insecure: false, security: undefined, maxItemBytes: 4_194_304 }
const maker = { adopt() {}, release() {}, report() {} }
const asked = { source, pattern: 'a', after: 0, last: 0, since: null, retained: false }

/** A client that waits at most 5 s, and services that answer when they are told to. */
class Silence {
  readonly clock = new VirtualClock()
  readonly client: HistoryClient
  /** The replays that each service was asked for, as `service/upTo`, in order. */
  readonly replays: { readonly name: string; readonly parts: Subject<ReplayPart> }[] = []
  readonly said: string[] = []
  progress = 0
  readonly asker = {
    fetched() {},
    head() {},
    progress: () => {
      this.progress += 1
    },
    expired: ({ purpose }: HistoryFetch, topic: string, sequence: number) =>
      this.said.push(`${purpose} ${topic}${sequence} expired`),
    ended: ({ purpose }: HistoryFetch, outcome: string) => this.said.push(`${purpose} ${outcome}`),
  }

  constructor(t: Test) {
    this.client = new HistoryClient({
      clock: this.clock,
      timeoutMs: 5000,
      maxMessageBytes: 1_048_576,
      name: () => 'test',
      report: (error) => t.fail(String(error)),
      reject: (error) => t.fail(String(error)),
    })
  }

  /** Opens services, and links to them. */
  async open(t: Test, ...names: string[]): Promise<this> {
    const { runtime, bind } = place(t, 'tcp')
    const dialer = await TopicLinkSet.open({ ...options, runtime, bind: [] }, maker, [this.client])
    const listeners = await Promise.all(
      names.map((name) => TopicLinkSet.open({ ...options, runtime, bind: [bind] }, maker, [this.#service(name)])),
    )
    t.teardown(() => Promise.all([...listeners, dialer].map((one) => one.close({ drain: false }))))
    for (const listener of listeners) listener.ref()
    dialer.dial(listeners.map(({ endpoint }) => ({ address: endpoint })))
    return this
  }

  /** The names of the replays that were asked for. */
  get names(): string[] {
    return this.replays.map(({ name }) => name)
  }

  /** Sends a part over the last replay, and waits until it has arrived. */
  async send(part: ReplayPart, at = this.replays.length - 1): Promise<void> {
    const { progress } = this
    this.replays[at]?.parts.next(part)
    await until(() => this.progress > progress)
  }

  #service(name: string): CallHost {
    const handlers = new Map<string, (request: never) => unknown>([
      ['sources', () => of({ present: [{ source: Buffer.from(source, 'hex'), position: 9 }] })],
      [
        'replay',
        ({ ranges: [range] }: { ranges: { upTo: number }[] }) => {
          const parts = new Subject<ReplayPart>()
          this.replays.push({ name: `${name}/${range?.upTo}`, parts })
          return parts
        },
      ],
      ['heads', () => NEVER],
    ])
    const ports = { clock: systemClock, report: () => {} }
    return new CallHost([{ codec: serviceOf(TopicsService), handlers: handlers as never }], ports)
  }
}

t.test('a repair of which nothing arrives is unavailable', async (t) => {
  const silence = await new Silence(t).open(t, 's')
  const { clock, client, said } = silence
  client.fetch({ ...asked, purpose: 'repair', upTo: 8 }, silence.asker)
  await until(() => silence.replays.length === 1)
  clock.advance(4500)
  await silence.send({ expired: [{ topic: 'a', sequence: 3, position: 3 }], position: 3 })
  clock.advance(4500)
  t.strictSame(said, ['repair a3 expired'], 'what arrives is progress')
  client.isPaused = true
  clock.advance(60_000)
  client.isPaused = false
  clock.advance(4500)
  t.equal(said.length, 1, 'the time does not run while nothing is read')
  clock.advance(1000)
  t.strictSame(said.slice(1), ['repair unavailable'])
  t.equal(client.isAsking(source), false)
  t.strictSame(silence.names, ['s/8'])
})

t.test('what a late subscriber asks for waits while it gets signs of life, and is asked for once more', async (t) => {
  const silence = await new Silence(t).open(t, 's')
  const { clock, client, said } = silence
  client.fetch({ ...asked, purpose: 'history', upTo: 9 }, silence.asker)
  await until(() => silence.replays.length === 1)
  for (let sign = 0; sign < 20; sign++) {
    clock.advance(4500)
    await silence.send({ position: 0 })
  }
  clock.advance(5500)
  await until(() => silence.replays.length === 2)
  t.strictSame(said, [])
  await silence.send({ position: 3 })
  clock.advance(5500)
  await until(() => silence.replays.length === 3)
  t.strictSame(said, [], 'after a sign it is asked for again')
  clock.advance(5500)
  t.strictSame(said, ['history unavailable'])
  t.equal(client.isAsking(source), false)
})

t.test('where topics stand is given up in the same way', async (t) => {
  const silence = await new Silence(t).open(t, 's')
  silence.client.fetch({ ...asked, purpose: 'check', upTo: 9 }, silence.asker)
  silence.client.fetch({ ...asked, purpose: 'history', upTo: 9 }, silence.asker)
  // both kinds are asked for in one turn
  await until(() => silence.replays.length === 1)
  silence.clock.advance(5500)
  await until(() => silence.replays.length === 2)
  silence.clock.advance(5500)
  t.strictSame(silence.said.toSorted(), ['check unavailable', 'history unavailable'])
})

t.test('it is asked for over another link than the silent one', async (t) => {
  const silence = await new Silence(t).open(t, 's1', 's2')
  const { clock, client, said } = silence
  client.fetch({ ...asked, purpose: 'history', upTo: 1 }, silence.asker)
  await until(() => silence.replays.length === 1)
  const [first = ''] = silence.names
  // until the other link is there, a second call goes over the first one as well
  while (silence.names.at(-1)?.slice(0, 2) === first.slice(0, 2)) {
    const probe = { ...asked, purpose: 'repair', upTo: 2 } as const
    const { length } = silence.replays
    client.fetch(probe, silence.asker)
    await until(() => silence.replays.length > length)
    client.cancel(probe)
  }
  const { length } = silence.replays
  clock.advance(5500)
  await until(() => silence.replays.length > length)
  t.equal(silence.names.at(-1), first === 's1/1' ? 's2/1' : 's1/1')
  silence.replays.at(-1)?.parts.next({ position: 1 })
  await until(() => said.length === 1)
  t.strictSame(said, ['history complete'])
})

t.test('a client that has stalled itself gives a publisher its time again', async (t) => {
  const silence = await new Silence(t).open(t, 's')
  const { clock, client, said } = silence
  client.fetch({ ...asked, purpose: 'repair', upTo: 8 }, silence.asker)
  await until(() => silence.replays.length === 1)
  clock.block(60_000)
  clock.advance(4500)
  t.strictSame(said, [])
  clock.advance(1000)
  t.strictSame(said, ['repair unavailable'])
})

t.test('a client that has stalled itself gives a publisher that no link serves its time again', (t) => {
  const { clock, client, said, asker } = new Silence(t)
  client.fetch({ ...asked, purpose: 'repair', upTo: 8 }, asker)
  clock.advance(1000)
  clock.block(60_000)
  t.strictSame(said, [])
  clock.advance(3500)
  t.strictSame(said, [])
  clock.advance(1000)
  t.strictSame(said, ['repair unavailable'])
  t.end()
})

t.test(
  'a publisher that stands still in the middle of a replay is given up, and what it did not send is a gap',
  async (t) => {
    const { runtime } = place(t, 'tcp')
    const args = [...loader, modulePath('test/pubsub/joiners-process.ts'), 'publish', '50000000']
    const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, ...args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    const [{ endpoint, kept }] = (await once(child, 'message')) as [{ endpoint: string; kept: number }]
    const subscriber = await createSubscriber({ connect: endpoint, runtime, repairTimeoutMs: 2500 })
    subscriber.errors.subscribe()
    const ids: number[] = []
    const missed: number[] = []
    let lives = 0
    subscriber.events('kept', Job, { since: 'all' }).subscribe((event) => {
      if (event.kind === 'message' && ids.push(event.value.id) === 1) child.kill('SIGSTOP')
      if (event.kind === 'live') lives += 1
      if (event.kind !== 'gap') return
      t.equal(event.reason, 'unavailable')
      for (let id = event.from; id <= event.to; id++) missed.push(id)
    })
    await until(() => lives === 1)
    t.ok(ids.length > 0 && ids.length < kept, `${ids.length} of ${kept}`)
    child.kill('SIGCONT')
    child.send('more')
    await until(() => ids.includes(kept + 1))
    t.equal(ids.length + missed.length, kept + 1)
    t.strictSame(
      [...ids, ...missed].toSorted((a, b) => a - b),
      numbersTo(kept + 1),
      'each is delivered, or missing',
    )
    t.equal(lives, 1)
    await subscriber.close()
  },
)

function numbersTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1)
}
