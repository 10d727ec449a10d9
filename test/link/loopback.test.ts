/** A session of a resource with itself: calls of every shape, with credit, deadlines and cancellation, and its end. */
import t from 'tap'
import { serviceOf } from '../../src/avro/service-codec.js'
import { CallClient, CallHost, defaultCallOptions, defaultStreamOptions } from '../../src/call/index.js'
import { systemClock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { Loopback } from '../../src/link/index.js'
import { type LinkUser, noBody, type SessionStreams, type SessionUser } from '../../src/session/index.js'
import { Numbers } from '../call/calling.js'

const limits = { maxMessageBytes: 65_536, streamWindowBytes: 4096 }
const peer = { id: 'local', identity: undefined, dialed: undefined }

function open(handlers: Readonly<Record<string, (request: never, context: never) => unknown>>) {
  const errors: RivuletError[] = []
  const ports = { clock: systemClock, name: () => 'itself', report: (error: RivuletError) => void errors.push(error) }
  const client = new CallClient({ ...ports, failoverMs: 1000 })
  const host = new CallHost(
    [{ codec: serviceOf(Numbers), handlers: new Map(Object.entries(handlers)) as never }],
    ports,
  )
  const loopback = new Loopback(systemClock, limits, [client], [host], peer)
  const service = client.bind(serviceOf(Numbers))
  const method = (name: string) => service.methods.get(name) as never
  return { client, host, loopback, method, errors }
}

t.test('calls with one response, also very large ones and declared errors', async (t) => {
  const { client, method, host } = open({
    double: ({ n }: { n: number }) => {
      if (n % 2 === 1) throw Numbers.error('double', 'Odd', { n })
      return n * 2
    },
    text: ({ text }: { text: string }) => Promise.resolve(`${text}!`),
  })
  t.equal(await client.call(method('double'), { n: 4 }, defaultCallOptions), 8)
  const odd = client.call(method('double'), { n: 3 }, defaultCallOptions)
  t.match(await odd.catch((error: unknown) => error), { errorName: 'Odd', value: { n: 3 } })
  const text = 'x'.repeat(60_000)
  t.equal(await client.call(method('text'), { text }, defaultCallOptions), `${text}!`)
  const large = client.call(method('text'), { text: 'x'.repeat(70_000) }, defaultCallOptions)
  await t.rejects(large, { code: 'RIVULET_MESSAGE_TOO_LARGE', executed: 'no' })
  const all = await Promise.all(
    Array.from({ length: 5000 }, (_, n) => client.call(method('double'), { n: 2 * n }, defaultCallOptions)),
  )
  t.strictSame(
    all,
    Array.from({ length: 5000 }, (_, n) => 4 * n),
  )
  t.match(host.stats(), { open: 0, running: 0 })
})

t.test('streams go as fast as they are consumed', async (t) => {
  let produced = 0
  const { client, method } = open({
    *count() {
      for (;;) yield produced++
    },
    sum: async (numbers: AsyncIterable<{ n: number }>) => {
      let sum = 0
      for await (const { n } of numbers) sum += n
      return sum
    },
  })
  const { responses } = client.stream(method('count'), { n: 1 }, defaultStreamOptions)
  let seen = 0
  for await (const _ of responses as AsyncIterable<number>) {
    if (++seen === 20_000) break
  }
  t.ok(produced - seen < 30_000, `${produced - seen} more were produced than consumed`)
  const numbers = Array.from({ length: 20_000 }, (_, n) => ({ n }))
  t.equal(await client.call(method('sum'), numbers, defaultCallOptions), (20_000 * 19_999) / 2)
})

t.test('an answer arrives although more requests may come', { timeout: 10_000 }, async (t) => {
  const { client, method } = open({
    sum: () => 42,
    empties: (_requests: unknown) => {
      throw new Error('it takes none')
    },
  })
  async function* endless() {
    yield { n: 1 }
    await new Promise(() => {})
  }
  const call = (name: string) => client.call(method(name), endless(), defaultCallOptions)
  t.strictSame(await Promise.all([call('sum'), call('sum'), call('sum')]), [42, 42, 42])
  await t.rejects(call('empties'), { code: 'RIVULET_INTERNAL' })
  t.equal(await call('sum'), 42)
})

t.test('a call is cancelled before it has left, and after', async (t) => {
  const aborted: unknown[] = []
  const { client, method, host } = open({
    double: (_request: unknown, { signal }: { signal: AbortSignal }) => {
      signal.addEventListener('abort', () => aborted.push(signal.reason.code))
      return new Promise(() => {})
    },
  })
  const outcomes: unknown[] = []
  const start = () =>
    client.start(
      method('double'),
      { n: 1 },
      defaultCallOptions,
      () => {},
      (error) => outcomes.push(error),
    )
  const early = start()
  early.cancel()
  t.match(outcomes, [{ code: 'RIVULET_CANCELLED', executed: 'no' }])
  await new Promise(setImmediate)
  const agreed = start()
  agreed.cancel()
  const late = start()
  await new Promise(setImmediate)
  late.cancel()
  await new Promise(setImmediate)
  t.match(outcomes.slice(1), [{ executed: 'no' }, { code: 'RIVULET_CANCELLED', executed: 'maybe' }])
  t.strictSame([aborted, host.stats().started], [['RIVULET_CANCELLED'], 1])
})

t.test('its end ends what is open', async (t) => {
  const { client, host, loopback, method } = open({ double: () => new Promise(() => {}) })
  const call = client.call(method('double'), { n: 1 }, defaultCallOptions)
  const rejected = t.rejects(call, { code: 'RIVULET_SERVER_CLOSING', executed: 'maybe' })
  await new Promise(setImmediate)
  loopback.end(new RivuletError('RIVULET_CLOSED', 'closed'))
  loopback.end(new RivuletError('RIVULET_CLOSED', 'closed'))
  await rejected
  t.match([client.stats().sessions, host.stats().sessions], [0, 0])
})

t.test('an item that cannot be read ends it, and nothing is sent from then on', async (t) => {
  const ended: unknown[] = []
  const ends: SessionStreams[] = []
  const userOf = (onItem: SessionUser['onItem']): LinkUser => ({
    items: { first: 16, last: 31, opened: true, accepted: true },
    accept: (session) => {
      ends.push(session)
      return { owns: () => false, onItem, onWritable() {}, onStatus: (reason) => ended.push(reason) }
    },
  })
  const thrown = new RivuletError('RIVULET_PROTOCOL_VIOLATION', 'no')
  const refuse = () => {
    throw thrown
  }
  new Loopback(systemClock, limits, [userOf(() => {})], [userOf(refuse)], peer)
  const dialer = ends[1] as SessionStreams
  t.equal(dialer.status, 'live')
  dialer.send(dialer.openStream(), 20, 0, noBody)
  t.notOk(dialer.settled)
  await new Promise(setImmediate)
  t.strictSame(ended, [thrown, thrown])
  t.throws(() => dialer.send(dialer.openStream(), 20, 0, noBody), { code: 'RIVULET_CLOSED' })
})
