/** Servers that break the protocol, and anything at all at both ends: each call still has one outcome. */
import fc from 'fast-check'
import { NEVER } from 'rxjs'
import t from 'tap'
import { callKind } from '../../src/call/call-kinds.js'
import { CallBound, CallFailure, CallNeedText } from '../../src/call/schemas.js'
import { RecordBody } from '../../src/session/index.js'
import { firstPatternKind, itemFlag } from '../../src/session/item.js'
import { FakePair } from '../support/fake-pair.js'
import { Calling, numbered } from './calling.js'
import { Impostor, raw } from './strangers.js'

const { last, critical } = itemFlag

t.test('responses that make no sense', async (t) => {
  const said: [number, Uint8Array, number, string][] = [
    [callKind.item, Buffer.from([]), last, 'RIVULET_DECODE_FAILED'],
    [callKind.item, Buffer.from([2, 2]), last, 'RIVULET_DECODE_FAILED'],
    [callKind.item, Buffer.from([2]), 0, 'RIVULET_DECODE_FAILED'],
    [callKind.end, Buffer.from([]), last, 'RIVULET_DECODE_FAILED'],
    [callKind.error, Buffer.from([0x10]), last, 'RIVULET_DECODE_FAILED'],
    [callKind.error, Buffer.from([0, 2, 0x61]), last, 'RIVULET_INTERNAL'],
    [callKind.failure, Buffer.from([0x10]), last, 'RIVULET_DECODE_FAILED'],
    [
      callKind.failure,
      CallFailure.encode({ code: 'RIVULET_INVALID_OPTION', message: '', executed: 'no' }),
      last,
      'RIVULET_UNKNOWN_ERROR',
    ],
    [
      callKind.failure,
      CallFailure.encode({ code: 'RIVULET_PERMISSION_DENIED', message: '', executed: 'no' }),
      last,
      'RIVULET_PERMISSION_DENIED',
    ],
    [
      callKind.failure,
      CallFailure.encode({ code: '__proto__', message: 'x'.repeat(5000), executed: 'no' }),
      last,
      'RIVULET_UNKNOWN_ERROR',
    ],
    [99, Buffer.from([]), critical, 'RIVULET_DECODE_FAILED'],
  ]
  const impostor = new Impostor()
  for (const [kind, body, flags, code] of said) {
    const { outcomes, call } = impostor.calling.start('double')
    impostor.pair.pump()
    impostor.say(call.stream, kind, body, flags)
    t.match(outcomes, [{ code }], `kind ${kind}`)
    t.ok((outcomes[0] as Error).message.length < 1200)
    impostor.say(call.stream + 1000, callKind.item, Buffer.from([2]), last)
    impostor.say(-call.stream, callKind.item, Buffer.from([2]))
  }
  const { outcomes, call } = impostor.calling.start('double')
  impostor.pair.pump()
  impostor.say(call.stream, 99, Buffer.from([1]))
  t.strictSame(outcomes, [], 'what is unknown and not critical is skipped')
  impostor.say(call.stream, callKind.item, Buffer.from([2]), last)
  t.strictSame(outcomes, [1])
  t.equal(impostor.pair.dialer.states, 0)
  t.match(impostor.calling.client.stats(), { open: 0, waiting: 0 })
})

t.test('a text is sent once, however often it is asked for', async (t) => {
  const impostor = new Impostor()
  const pair = new FakePair()
  const seen: number[] = []
  pair.acceptor.handler = { onItem: (_stream, kind) => seen.push(kind), onWritable() {}, onStatus() {} }
  pair.dialer.handler = impostor.calling.client.accept(pair.dialer)
  const ask = (binding: number) =>
    pair.acceptor.send(0, callKind.needText, 0, new RecordBody(CallNeedText, { binding }))
  for (let i = 0; i < 50; i++) ask(i % 3)
  pair.pump()
  t.strictSame(seen, [callKind.bind, callKind.text])
  pair.acceptor.send(0, callKind.bound, 0, new RecordBody(CallBound, { binding: 0, hash: Buffer.alloc(16) }))
  pair.pump()
  impostor.pair.end()
  t.match(
    impostor.calling.start('double').outcomes,
    [{ code: 'RIVULET_INVALID_SCHEMA', executed: 'no' }],
    'without a text',
  )
})

t.test('a draining server that is asked again and again', async (t) => {
  const impostor = new Impostor()
  const { outcomes, call } = impostor.calling.start('double')
  const body = CallFailure.encode({ code: 'RIVULET_UNAVAILABLE', message: '', executed: 'no' })
  impostor.pair.pump()
  impostor.say(call.stream, callKind.failure, body, last)
  impostor.calling.start('double')
  t.match(impostor.calling.client.stats(), { waiting: 2, open: 0 }, 'it is asked only once')
  t.strictSame(outcomes, [])
})

t.test('anything on any stream, at both ends', async (t) => {
  const item = fc.record({
    stream: fc.integer({ min: -3, max: 12 }),
    kind: fc.oneof(fc.integer({ min: 8, max: 30 }), fc.constantFrom(...Object.values(callKind))),
    flags: fc.integer({ min: 0, max: 7 }),
    body: fc.oneof(
      fc.uint8Array({ maxLength: 24 }),
      fc
        .tuple(fc.integer({ min: 0, max: 20 }), fc.uint8Array({ maxLength: 3 }))
        .map(([method, rest]) => Uint8Array.from([method, 0, 0, 0, ...rest])),
    ),
  })
  const property = fc.asyncProperty(fc.array(item, { maxLength: 60 }), async (items) => {
    const calling = new Calling(
      {
        double: numbered((n) => n),
        look: () => NEVER,
        sum: (requests) => new Promise((_resolve, reject) => (requests as typeof NEVER).subscribe({ error: reject })),
        each: (requests) => requests as typeof NEVER,
        count: () => [1, 2, 3],
      },
      { spoils: false },
    )
    const started = ['double', 'look', 'count', 'sum'].map((name) => calling.start(name, name === 'sum' ? NEVER : 1))
    for (const { responses } of started) responses?.subscribe({ error: () => {} })
    calling.pump()
    for (const { stream, kind, flags, body } of items) {
      calling.pair.dialer.send(stream, kind, flags, raw(body))
      calling.pair.acceptor.send(stream, kind, flags, raw(body))
    }
    calling.pump()
    await new Promise(setImmediate)
    calling.pair.end()
    const { open, running } = calling.host.stats()
    const stats = calling.client.stats()
    await new Promise(setImmediate)
    const waiting = started.filter(({ call }) => !call.done).length
    return (
      started.every(({ call, outcomes }) => outcomes.length === (call.done ? 1 : 0)) &&
      open === 0 &&
      stats.open === 0 &&
      stats.waiting === waiting &&
      running <= 1 + items.length
    )
  })
  await fc.assert(property, { numRuns: 150 })
  t.pass()
})

t.test('kinds', async (t) => {
  t.ok(Object.values(callKind).every((kind) => kind < 32 && (kind >= firstPatternKind || kind === callKind.cancel)))
  t.equal(new Set(Object.values(callKind)).size, Object.keys(callKind).length)
})
