/** Peers that break the protocol, at both ends: they harm themselves, nothing is left of them, and nothing throws. */
import fc from 'fast-check'
import { NEVER } from 'rxjs'
import t from 'tap'
import { serviceOf } from '../../src/avro/service-codec.js'
import { callKind } from '../../src/call/call-kinds.js'
import { RecordBody } from '../../src/call/records.js'
import { CallBind, CallBound, CallFailure, CallNeedText, CallText } from '../../src/call/schemas.js'
import { firstPatternKind, type ItemBody, itemFlag } from '../../src/session/item.js'
import { FakePair } from '../support/fake-pair.js'
import { Calling, Numbers, numbered } from './calling.js'

const raw = (bytes: Uint8Array): ItemBody => ({
  writeBody(into, _view, position, end) {
    if (position + bytes.length > end) throw new RangeError('no room')
    into.set(bytes, position)
    return position + bytes.length
  },
})

const codec = serviceOf(Numbers)
const { last, critical } = itemFlag

/** A server, and a client that may say anything; what it is answered is kept. */
class Stranger {
  readonly calling: Calling
  readonly pair = new FakePair({ spoils: true })
  readonly seen: { stream: number; kind: number; body: Buffer }[] = []

  constructor(calling: Calling) {
    this.calling = calling
    this.pair.acceptor.handler = calling.host.attach(this.pair.acceptor, 'stranger')
    this.pair.dialer.handler = {
      onItem: (stream, kind, _flags, bytes, _view, start, end) => {
        this.seen.push({ stream, kind, body: Buffer.from(bytes.subarray(start, end)) })
        this.pair.dialer.forget(stream)
      },
      onWritable() {},
      onStatus() {},
    }
  }

  say(stream: number, kind: number, body: ItemBody | Uint8Array, flags = 0): void {
    this.pair.dialer.send(stream, kind, flags, body instanceof Uint8Array ? raw(body) : body)
    this.pair.pump()
  }

  bind(binding = 0, hash = codec.hash, firstMethod = 0, service = codec.name): void {
    const record = { binding, service, hash: Buffer.from(hash, 'hex'), firstMethod }
    this.say(0, callKind.bind, new RecordBody(CallBind, record))
  }

  /** The failures that came, by stream. */
  get failures(): { stream: number; code: string; executed: string }[] {
    return this.seen
      .filter(({ kind }) => kind === callKind.failure)
      .map(({ stream, body }) => {
        const { code, executed } = CallFailure.decode(body)
        return { stream, code, executed }
      })
  }
}

const serving = (limits = {}) =>
  new Calling({ double: numbered((n) => n * 2), look: () => NEVER, sum: () => NEVER }, { limits })

t.test('requests that make no sense are refused, and the session lives', async (t) => {
  const stranger = new Stranger(serving())
  stranger.say(1, callKind.request, Buffer.from([0, 0, 0, 0, 2]), last)
  stranger.bind()
  const bad = [
    Buffer.alloc(0),
    Buffer.from([0]),
    Buffer.from([0, 0, 0, 0]),
    Buffer.from([0, 0, 0, 0, 2, 2]),
    Buffer.from([0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
    Buffer.from([0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0]),
  ]
  for (const [index, body] of bad.entries()) stranger.say(index + 2, callKind.request, body, last)
  stranger.say(50, callKind.request, Buffer.from([0x7e, 0, 0, 0, 2]), last)
  stranger.say(51, callKind.request, Buffer.from([0, 0, 0, 0, 42]), last)
  t.strictSame(stranger.failures, [
    { stream: 1, code: 'RIVULET_UNIMPLEMENTED', executed: 'no' },
    ...bad.map((_, index) => ({ stream: index + 2, code: 'RIVULET_INVALID_REQUEST', executed: 'no' })),
    { stream: 50, code: 'RIVULET_UNIMPLEMENTED', executed: 'no' },
  ])
  t.strictSame(stranger.seen.at(-1), { stream: 51, kind: callKind.item, body: Buffer.from([84]) })
  t.equal(stranger.pair.acceptor.states, 0)
  t.match(stranger.calling.host.stats(), { started: 1, refused: 9, open: 0 })
})

t.test('streams that are not to be opened', async (t) => {
  const stranger = new Stranger(serving())
  stranger.bind()
  const look = Buffer.from([2, 0, 0, 0, 2])
  stranger.say(-3, callKind.request, look, last)
  stranger.say(4, callKind.request, look)
  stranger.say(4, callKind.request, look)
  t.match(stranger.calling.host.stats(), { started: 1, open: 1, strange: 2 })
  t.match(stranger.calling.errors, [{ code: 'RIVULET_BAD_FRAME' }], 'only the first is reported')
  for (let stream = 100; stream < 200; stream++) stranger.say(stream, callKind.item, Buffer.from([1, 2, 3]))
  for (let stream = 200; stream < 300; stream++) stranger.say(stream, 99, Buffer.from([1, 2, 3]), critical)
  stranger.say(4, callKind.item, Buffer.from([1]))
  stranger.say(4, 99, Buffer.from([1]))
  t.strictSame(stranger.failures, [], 'unknown kinds are skipped')
  stranger.say(4, 99, Buffer.from([1]), critical)
  t.match(stranger.failures, [{ stream: 4, code: 'RIVULET_INVALID_REQUEST' }], 'unless they are critical')
  t.equal(stranger.pair.acceptor.states, 0)
  t.match(stranger.calling.host.stats(), { open: 0 })
})

t.test('a request that is no stream and is said to go on leaves nothing', async (t) => {
  const stranger = new Stranger(serving())
  stranger.bind()
  for (let stream = 1; stream <= 200; stream++) {
    stranger.say(stream, callKind.request, Buffer.from([0, 0, 0, 0, 2]))
    stranger.say(stream, callKind.item, Buffer.from([2]))
  }
  for (let stream = 201; stream <= 400; stream++) stranger.say(stream, callKind.request, Buffer.from([0x7e, 0, 0, 0]))
  stranger.say(401, callKind.request, Buffer.from([0, 0, 0, 0, 2]), last)
  t.equal(stranger.pair.acceptor.states, 0)
})

t.test('items of requests that cannot be read', async (t) => {
  const stranger = new Stranger(serving())
  stranger.bind()
  const { calling } = stranger
  let failure: unknown
  const sum = [...codec.methods.keys()].indexOf('sum') * 2
  const host = new Calling({
    sum: (items, { signal }) => {
      signal.addEventListener('abort', () => {
        failure = signal.reason
      })
      return new Promise((_resolve, reject) => (items as typeof NEVER).subscribe({ error: reject }))
    },
  })
  const other = new Stranger(host)
  other.bind()
  other.say(1, callKind.request, Buffer.from([sum, 0, 0, 0]))
  other.say(1, callKind.item, Buffer.from([2]))
  other.say(1, callKind.item, Buffer.from([0xff]))
  t.match(other.failures, [{ stream: 1, code: 'RIVULET_INVALID_REQUEST', executed: 'maybe' }])
  t.match(failure, { code: 'RIVULET_INVALID_REQUEST' })
  other.say(1, callKind.item, Buffer.from([2]))
  await host.settle()
  t.strictSame(host.leftovers, {})
  t.equal(other.pair.acceptor.states, 0)
  t.strictSame(calling.errors, [])
})

t.test('a flood of calls by one who reads nothing', async (t) => {
  const stranger = new Stranger(serving({ maxOpenCallsPerPeer: 20 }))
  stranger.bind()
  const { dialer, acceptor } = stranger.pair
  acceptor.blocked = true
  for (let stream = 1; stream <= 5000; stream++) {
    dialer.send(stream, callKind.request, last, raw(Buffer.from([2, 0, 0, 0, 2])))
    acceptor.deliver(1)
  }
  t.match(stranger.calling.host.stats(), { started: 20, open: 20, refused: 4980 })
  const { outcomes } = stranger.calling.start('double', 3)
  stranger.calling.pump()
  t.strictSame(outcomes, [6], 'others are served')
  stranger.pair.end()
  t.match(stranger.calling.host.stats(), { open: 0, running: 0 })
})

t.test('services without end', async (t) => {
  const stranger = new Stranger(serving())
  for (let binding = 0; binding < 500; binding++) stranger.bind(binding, codec.hash, binding * 9)
  const bound = stranger.seen.filter(({ kind }) => kind === callKind.bound)
  t.equal(bound.length, 500)
  const refused = stranger.seen.filter(({ kind }) => kind === callKind.refusal).length
  t.ok(refused >= 500 - 64)
  const other = new Stranger(serving())
  for (const [binding, first] of [-1, 65_530, 2 ** 31 - 1].entries()) other.bind(binding, codec.hash, first)
  other.bind(7, codec.hash, 0, 'no.such.Service')
  other.bind(7, codec.hash, 0)
  const kinds = other.seen.map(({ kind }) => kind)
  t.strictSame(kinds, Array(4).fill([callKind.refusal, callKind.bound]).flat())
})

t.test('texts that are not what they say', async (t) => {
  const stranger = new Stranger(serving())
  const hash = 'ab'.repeat(16)
  const text = (binding: number, piece: string, complete: boolean) =>
    stranger.say(0, callKind.text, new RecordBody(CallText, { binding, piece, complete }))
  text(1, codec.text, true)
  t.strictSame(stranger.seen, [], 'nobody asked for it')
  stranger.bind(1, hash)
  t.strictSame(
    stranger.seen.map(({ kind }) => kind),
    [callKind.needText],
  )
  text(1, codec.text, true)
  t.strictSame(
    stranger.seen.map(({ kind }) => kind),
    [callKind.needText, callKind.refusal, callKind.bound],
  )
  stranger.bind(2, hash)
  for (let i = 0; i < 1000; i++) text(2, 'x'.repeat(16_000), false)
  text(2, '', true)
  t.equal(stranger.seen.at(-1)?.kind, callKind.bound)
  stranger.bind(3, hash)
  for (const kind of [callKind.bind, callKind.text]) stranger.say(0, kind, Buffer.from([0xff, 0xff]))
  t.match(stranger.calling.errors, [{ code: 'RIVULET_BAD_FRAME' }])
  t.equal(stranger.pair.acceptor.states, 0)
})

/** A client, and a server that may say anything. */
class Impostor {
  readonly calling = new Calling({}, { sessions: 0 })
  readonly pair = new FakePair()
  /** What the client said. */
  readonly seen: { stream: number; kind: number }[] = []

  constructor() {
    this.pair.acceptor.handler = {
      onItem: (stream, kind) => {
        this.seen.push({ stream, kind })
        this.pair.acceptor.forget(stream)
      },
      onWritable() {},
      onStatus() {},
    }
    this.pair.dialer.handler = this.calling.client.attach(this.pair.dialer)
    this.pair.pump()
    this.say(0, callKind.bound, new RecordBody(CallBound, { binding: 0, hash: Buffer.from(codec.hash, 'hex') }))
  }

  say(stream: number, kind: number, body: ItemBody | Uint8Array, flags = 0): void {
    this.pair.acceptor.send(stream, kind, flags, body instanceof Uint8Array ? raw(body) : body)
    this.pair.pump()
  }
}

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
      'RIVULET_INTERNAL',
    ],
    [
      callKind.failure,
      CallFailure.encode({ code: '__proto__', message: 'x'.repeat(5000), executed: 'no' }),
      last,
      'RIVULET_INTERNAL',
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
  pair.dialer.handler = impostor.calling.client.attach(pair.dialer)
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
