/** Peers that speak the protocol of links rightly and that of calls wrongly: forged streams, no credit, no end. */
import t from 'tap'
import { deferred } from '../../src/lifecycle/index.js'
import { until } from '../support/events.js'
import {
  CallRecords,
  flags,
  kinds,
  type LinkStranger,
  long,
  type RawItem,
  requestBody,
} from '../support/link-stranger.js'
import { agreed, besieged, bindItem, method } from './hostile.js'

const item = (stream: number, kind: number, body: Buffer = Buffer.alloc(0), flag = 0): RawItem => ({
  stream,
  kind,
  flags: flag,
  body,
})

const get = (stream: number, id = 1) => item(stream, kinds.request, requestBody(method.get, long(id)), flags.last)

/** The stranger's next call is answered. */
async function stillServed(stranger: LinkStranger, stream: number): Promise<boolean> {
  await stranger.items([get(stream)])
  await stranger.answer(({ items }) => items.some((one) => one.stream === stream && one.kind === kinds.item))
  return true
}

t.test('streams that are not to be opened, or not there', async (t) => {
  const { server, codes, stranger, unharmed } = await besieged(t)
  const one = await agreed(stranger())
  const before = server.stats().invalidItems
  await one.items([
    get(-2),
    item(0, kinds.request, requestBody(method.get, long(1))),
    item(0, kinds.item, Buffer.from('x')),
    item(0, kinds.end, undefined, flags.last),
    item(-7, kinds.item, Buffer.from('x')),
    item(-7, kinds.end),
    item(900, kinds.item, Buffer.from('x')),
    item(900, kinds.end, undefined, flags.last),
    item(900, kinds.cancel, undefined, flags.last),
    item(0, kinds.cancel, undefined, flags.last),
    item(901, kinds.credit, long(1_000_000)),
    item(-901, kinds.credit, long(1_000_000)),
    item(0, kinds.credit, long(1_000_000)),
    item(902, 60, Buffer.from('of a later version')),
    item(0, 60, Buffer.from('of a later version')),
    item(Number.MAX_SAFE_INTEGER - 1, kinds.item, Buffer.from('x')),
  ])
  t.ok(await stillServed(one, 11))
  t.ok(server.stats().invalidItems > before)
  t.equal(codes.filter((code) => code === 'RIVULET_BAD_FRAME').length, 1, 'reported once')
  await one.items([item(903, 60, Buffer.from('needed'), flags.critical)])
  t.ok(await stillServed(one, 13))
  await one.items([item(15, 6, Buffer.alloc(0), flags.critical)])
  t.equal(await one.refused(), 'violation', 'a critical item of the session itself')
  await unharmed(t)
})

t.test('a stream that is opened twice', async (t) => {
  const hold = deferred()
  let runs = 0
  const { server, stranger, unharmed } = await besieged(
    t,
    {},
    {
      get: async ({ id }) => {
        runs += 1
        await hold.promise
        return { id }
      },
    },
  )
  const one = await agreed(stranger())
  await one.items([get(1), get(1), get(1)])
  await until(() => server.stats().invalidItems >= 2)
  t.equal(runs, 1)
  hold.resolve()
  await one.answer(({ items }) => items.some((one) => one.stream === 1))
  await unharmed(t)
})

t.test('requests that cannot be read', async (t) => {
  const { server, stranger, unharmed } = await besieged(t)
  const one = await agreed(stranger())
  const bodies = [
    Buffer.alloc(0),
    Buffer.alloc(30, 0xff),
    requestBody(9999, long(1)),
    requestBody(-1, long(1)),
    requestBody(method.get),
    Buffer.concat([requestBody(method.get, long(1)), Buffer.from('more')]),
    requestBody(method.get, long(Number.MAX_SAFE_INTEGER - 1)),
    requestBody(method.echo, long(1_000_000_000)),
  ]
  let stream = 1
  for (const body of bodies) {
    await one.items([item(stream, kinds.request, body, flags.last)])
    const failed = await one.item(kinds.failure)
    t.equal(failed.stream, stream)
    const failure = CallRecords.failure.fromBuffer(failed.body)
    t.equal(failure.executed, 'no')
    t.ok(['RIVULET_INVALID_REQUEST', 'RIVULET_UNIMPLEMENTED'].includes(failure.code), failure.code)
    stream += 1
  }
  // an item of a stream of requests that cannot be read ends that call
  await one.items([
    item(stream, kinds.request, requestBody(method.total)),
    item(stream, kinds.item, Buffer.alloc(30, 0xff)),
  ])
  t.match(CallRecords.failure.fromBuffer((await one.item(kinds.failure)).body), {
    code: 'RIVULET_INVALID_REQUEST',
    executed: 'maybe',
  })
  t.ok(await stillServed(one, stream + 1))
  t.equal(server.stats().sessions, 2)
  await unharmed(t)
})

t.test('more on a stream than its credit allows', async (t) => {
  const { server, codes, stranger, unharmed } = await besieged(t, {}, { total: () => new Promise(() => {}) })
  const one = await agreed(stranger())
  await one.items([item(1, kinds.request, requestBody(method.total))])
  const piece = Buffer.alloc(30_000, 1)
  for (let sent = 0; sent < 7; sent++) await one.items([item(1, kinds.item, piece)])
  t.equal(await one.refused(), 'violation')
  t.ok(codes.includes('RIVULET_PROTOCOL_VIOLATION'))
  await until(() => server.stats().open === 0)
  t.equal(server.stats().sessions, 1, 'its session is over, and its handlers stopped')
  await unharmed(t)
})

t.test('credit that is granted without end', async (t) => {
  let yielded = 0
  const { stranger, unharmed } = await besieged(
    t,
    {},
    {
      async *list({ count }) {
        for (let id = 0; count < 100 ? id < count : true; id++) {
          yielded += count < 100 ? 0 : 1
          yield { id, text: 'x'.repeat(1000) }
        }
      },
    },
  )
  const list = Buffer.concat([long(1_000_000), long(0)])
  // nothing is acknowledged: whatever credit there is, the window of the link holds
  const settled = async () => {
    let [last, still] = [-1, 0]
    while (still < 100) {
      still = last === yielded ? still + 1 : 0
      last = yielded
      await new Promise(setImmediate)
    }
  }
  for (const credit of [Number.MAX_SAFE_INTEGER - 1, 1e15, 0, -1, -1_000_000_000]) {
    const one = await agreed(stranger())
    const acknowledged = one.received
    yielded = 0
    await one.items([item(1, kinds.request, requestBody(method.list, list), flags.last)])
    await until(() => yielded > 100)
    for (let count = 0; count < 10; count++) await one.items([item(1, kinds.credit, long(credit))], { acknowledged })
    await settled()
    t.ok(yielded < 1000, `${yielded} items of 1,000 bytes were made for who takes none, with credit of ${credit}`)
    one.close()
  }
  await unharmed(t)
})

t.test('fragments that are too small, too many, or never end', async (t) => {
  const { server, stranger, unharmed } = await besieged(t, { maxMessageBytes: 1_048_576 })
  const fragment = Buffer.alloc(60_000)
  const small = await agreed(stranger())
  await small.items([item(1, kinds.request, Buffer.alloc(10), flags.more)])
  t.equal(await small.refused(), 'violation')
  const endless = await agreed(stranger())
  for (let sent = 0; sent < 18; sent++) await endless.items([item(1, kinds.request, fragment, flags.more)])
  t.equal(await endless.refused(), 'violation', 'one item that is larger than the largest')
  const wide = await agreed(stranger())
  for (let sent = 0; sent < 80; sent++) await wide.items([item(sent + 1, kinds.request, fragment, flags.more)])
  t.equal(await wide.refused(), 'violation', 'many items at once')
  const mixed = await agreed(stranger())
  await mixed.items([item(1, kinds.item, fragment, flags.more), item(1, kinds.end)])
  t.equal(await mixed.refused(), 'violation', 'an item within another')
  const urgent = await agreed(stranger())
  await urgent.items([item(1, kinds.cancel, Buffer.alloc(2000))])
  t.equal(await urgent.refused(), 'violation', 'an urgent item that is too large')
  await until(() => server.stats().sessions === 1)
  await unharmed(t)
})

t.test('protocols that are huge, deep, false, or many', async (t) => {
  const { stranger, unharmed } = await besieged(t)
  const tell = async (text: string, announced = text): Promise<string> => {
    const one = await stranger().enter()
    await one.items([bindItem(announced)])
    await one.item(kinds.needText)
    for (let start = 0; start < text.length; start += 16_000) {
      const piece = { binding: 0, piece: text.slice(start, start + 16_000), complete: start + 16_000 >= text.length }
      const body = CallRecords.text.toBuffer({ ...piece, extensions: {} })
      await one.items([item(0, kinds.text, body)])
    }
    const refusal = await one.item(kinds.refusal)
    one.close()
    return CallRecords.refusal.fromBuffer(refusal.body).code
  }
  const deep = `{"protocol":"Lab","namespace":"test","types":${'['.repeat(50_000)}${']'.repeat(50_000)},"messages":{}}`
  const protocol = (messages: string) => `{"protocol":"Lab","namespace":"test","messages":{${messages}}}`
  const many = Array.from({ length: 5000 }, (_, at) => `"m${at}":{"request":[],"response":"int"}`).join()
  const invalid = 'RIVULET_INVALID_SCHEMA'
  t.equal(await tell('x'.repeat(300_000)), invalid, 'too long')
  t.equal(await tell(deep), invalid, 'too deep')
  t.equal(await tell('no json'), invalid)
  t.equal(await tell(protocol(''), protocol('"a":{"request":[],"response":"int"}')), invalid, 'not what was announced')
  t.ok([invalid, 'RIVULET_UNIMPLEMENTED'].includes(await tell(protocol(many))))
  const one = await stranger().enter()
  for (let binding = 0; binding < 200; binding++) await one.items([bindItem(undefined, binding)])
  const refusal = await one.item(kinds.refusal)
  t.equal(CallRecords.refusal.fromBuffer(refusal.body).code, 'RIVULET_OVERLOADED')
  await unharmed(t)
})

t.test('items without a byte, without end', async (t) => {
  const { server, stranger, unharmed } = await besieged(t, {}, { relay: () => new Promise(() => {}) })
  const one = await agreed(stranger())
  await one.items([item(1, kinds.request, requestBody(method.relay))])
  await until(() => server.stats().open >= 1)
  const empty = Array.from({ length: 5000 }, () => item(1, kinds.item))
  for (let sent = 0; sent < 14; sent++) await one.items(empty)
  const failed = await one.item(kinds.failure)
  t.ok(['RIVULET_OVERLOADED', 'RIVULET_INVALID_REQUEST'].includes(CallRecords.failure.fromBuffer(failed.body).code))
  t.ok(await stillServed(one, 3))
  await unharmed(t)
})
