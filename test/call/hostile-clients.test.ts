/** Clients that break the protocol: they harm themselves, nothing is left of them, and nothing throws. */
import { NEVER } from 'rxjs'
import t from 'tap'
import { callKind } from '../../src/call/call-kinds.js'
import { CallText } from '../../src/call/schemas.js'
import { RecordBody } from '../../src/session/index.js'
import { itemFlag } from '../../src/session/item.js'
import { Calling, numbered } from './calling.js'
import { codec, raw, Stranger } from './strangers.js'

const { last, critical } = itemFlag

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
  t.match(stranger.calling.host.stats(), { started: 1, open: 1, invalidItems: 2 })
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
