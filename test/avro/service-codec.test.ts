/** The codecs of a service: what each method writes and reads, by the specification's protocol wire. */
import fc from 'fast-check'
import t from 'tap'
import { defineSchema, defineService } from '../../src/avro/index.js'
import { type MethodCodec, type ServiceCodec, serviceOf } from '../../src/avro/service-codec.js'
import { samples } from './arbitraries.js'
import { avro, withAvsc } from './oracle.js'
import { checkWithSeeds } from './seeds.js'
import { bytesOf, define, field, quotes, readAll } from './services.js'

const method = (service: ServiceCodec, name: string): MethodCodec => {
  const found = service.methods.get(name)
  if (found === undefined) throw new Error(`no method ${name}`)
  return found
}

const codec = serviceOf(define(quotes()))

t.test('names, shapes, attributes', async (t) => {
  const seen = [...codec.methods].map(([key, { name, shape, idempotent, errors }]) => [
    key,
    name,
    shape,
    idempotent,
    errors.names,
  ])
  t.same(seen, [
    ['last', 'last', 'unary', false, ['UnknownSymbol', 'desk.Closed']],
    ['watch', 'watch', 'server', false, []],
    ['record', 'record', 'client', true, []],
    ['trade', 'trade', 'duplex', false, []],
    ['note', 'note', 'one-way', false, []],
  ])
})

t.test('requests are records of the parameters', async (t) => {
  const { request } = method(codec, 'trade')
  const tick = { symbol: 'ACME', price: 1.5 }
  t.same(
    bytesOf(request, { tick, count: 3 }),
    Buffer.concat([bytesOf(method(codec, 'last').response, tick), Buffer.from([6])]),
  )
  t.strictSame(readAll(request.read, bytesOf(request, { tick })), { tick, count: 1 }, 'with defaults')
  t.equal(bytesOf(method(bare(), 'm').request, {}).length, 0)
  const wrong = { tick: { symbol: 'ACME' }, count: 'x' }
  t.throws(() => bytesOf(request, wrong))
  const error = request.explain(wrong)
  t.equal(error.code, 'RIVULET_INVALID_MESSAGE')
  t.same(
    error.issues.map(({ path }) => path),
    ['tick.price', 'count'],
  )
  t.match(request.explain(5).message, 'expected record market.Quotes.trade(), received integer')
})

const bare = () => serviceOf(define({ protocol: 'P', messages: { m: { request: [], response: 'null' } } }))

t.test('responses', async (t) => {
  const { response } = method(codec, 'record')
  t.equal(readAll(response.read, bytesOf(response, 7)), 7)
  t.equal(readAll(method(codec, 'note').response.read, Buffer.alloc(0)), null)
  const big = defineService({ protocol: 'P', messages: { m: { request: [], response: 'long' } } }, { long: 'bigint' })
  const long = method(serviceOf(big), 'm').response
  t.equal(readAll(long.read, bytesOf(long, 2n ** 60n)), 2n ** 60n)
})

t.test('code is generated at the first use, once', async (t) => {
  const { request, errors } = method(codec, 'last')
  t.equal(request.write, request.write)
  t.equal(request.read, request.read)
  t.equal(errors.write, errors.write)
  t.equal(errors.read, errors.read)
})

t.test("errors are the specification's union of string and the declared errors", withAvsc, async (t) => {
  const { errors } = method(codec, 'last')
  const theirs = avro.Service.forProtocol(JSON.parse(codec.text)).message('last').errorType
  const cases = [
    { errorName: 'UnknownSymbol', value: { symbol: 'ACME' }, branch: { 'market.UnknownSymbol': { symbol: 'ACME' } } },
    { errorName: 'desk.Closed', value: { until: 5, why: 'x' }, branch: { 'desk.Closed': { until: 5, why: 'x' } } },
  ]
  for (const { errorName, value, branch } of cases) {
    const bytes = bytesOf(errors, { errorName, value })
    t.same(bytes, theirs.toBuffer(branch))
    t.strictSame(readAll(errors.read, bytes), { errorName, value })
    t.same(bytesOf(errors, errors.make(errorName, value)), bytes, 'an error is written as it is')
  }
  t.strictSame(readAll(errors.read, theirs.toBuffer({ string: 'oops' })), { errorName: undefined, value: 'oops' })
  t.same(bytesOf(errors, { errorName: 'desk.Closed', value: { until: 5 } }), Buffer.from([4, 10, 0]), 'with defaults')
  const [made] = [errors.make('desk.Closed', { until: 1, why: '' })]
  t.ok(errors.matches(made))
  t.notOk(method(codec, 'watch').errors.matches(made))
  t.notOk(errors.matches(errors.make('Other', {})), 'a name that is not declared')
})

t.test('an error that does not fit is explained', async (t) => {
  const { errors } = method(codec, 'last')
  const issues = (errorName: string | undefined, value: unknown) => {
    t.throws(() => bytesOf(errors, { errorName, value }))
    const error = errors.explain({ errorName, value })
    t.equal(error.code, 'RIVULET_INVALID_MESSAGE')
    return error.issues
  }
  t.match(issues('desk.Closed', { until: 'x' }), [{ path: 'until' }])
  for (const name of [undefined, 'string', 'Closed', '__proto__', 'toString']) {
    t.match(issues(name, 'x'), [{ path: '', message: /^market\.Quotes\.last declares no error/ }])
  }
  const none = method(codec, 'watch').errors
  t.throws(() => bytesOf(none, { errorName: 'UnknownSymbol', value: { symbol: 'x' } }))
  t.strictSame(readAll(none.read, Buffer.from([0, 2, 65])), { errorName: undefined, value: 'A' })
  t.throws(() => readAll(none.read, Buffer.from([2, 0])), 'there is no such branch')
})

t.test('a single error is named as well as several', async (t) => {
  const one = serviceOf(
    define({
      protocol: 'P',
      types: [{ type: 'error', name: 'E', fields: [field('constructor', 'int'), field('toString', 'int', 4)] }],
      messages: { m: { request: [], response: 'null', errors: ['E'] } },
    }),
  )
  const { errors } = method(one, 'm')
  t.throws(() => bytesOf(errors, { errorName: 'E', value: {} }), 'what an object inherits is no field')
  t.same(bytesOf(errors, { errorName: 'E', value: { constructor: 1 } }), Buffer.from([2, 2, 8]))
  t.strictSame(readAll(errors.read, Buffer.from([2, 2, 8])), { errorName: 'E', value: { constructor: 1, toString: 4 } })
})

t.test('parameters and responses of any schema are as those of a schema alone', async () => {
  checkWithSeeds(
    fc.property(samples, ({ schema, values }) => {
      const alone = defineSchema(schema)
      const take = method(
        serviceOf(define({ protocol: 'P', messages: { m: { request: [field('v', schema)], response: 'null' } } })),
        'm',
      )
      const give = method(serviceOf(define({ protocol: 'P', messages: { m: { request: [], response: schema } } })), 'm')
      for (const v of values) {
        const bytes = alone.encode(v)
        if (!bytesOf(take.request, { v }).equals(bytes) || !bytesOf(give.response, v).equals(bytes)) return false
        const again = [(readAll(take.request.read, bytes) as { v: unknown }).v, readAll(give.response.read, bytes)]
        if (!again.every((value) => alone.encode(value).equals(bytes))) return false
      }
      return true
    }),
    300,
  )
})
