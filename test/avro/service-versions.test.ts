/** Two versions of a service: what each reads of the other, and that a method that does not fit spoils only itself. */
import fc from 'fast-check'
import t from 'tap'
import { type AvroSchema, defineSchema, isRivuletError } from '../../src/avro/index.js'
import { type RemoteMethod, type ServiceCodec, serviceOf } from '../../src/avro/service-codec.js'
import { samples } from './arbitraries.js'
import { checkWithSeeds } from './seeds.js'
import { bytesOf, define, field, type Json, quotes, readAll } from './services.js'

const own = serviceOf(define(quotes()))

/** The service after a change of its JSON. */
function changed(change: (protocol: ReturnType<typeof quotes>) => void): ServiceCodec {
  const protocol = quotes()
  change(protocol)
  return serviceOf(define(protocol))
}

function compare(reader: ServiceCodec, writer: ServiceCodec, method: string): RemoteMethod {
  const found = reader.against(writer.text).methods.get(method)
  if (found === undefined) throw new Error(`no method ${method}`)
  return found
}

const codecOf = (service: ServiceCodec, method: string) => {
  const found = service.methods.get(method)
  if (found === undefined) throw new Error(`no method ${method}`)
  return found
}

const parts = ['requestReader', 'responseReader', 'errorReader'] as const

/** Which parts of a method can be read, and else the paths of what is wrong. */
function outcomes(method: RemoteMethod): unknown[] {
  return parts.map((part) => {
    try {
      return typeof method[part]()
    } catch (error) {
      return isRivuletError(error, 'RIVULET_INCOMPATIBLE_SCHEMA') ? error.issues.map(({ path }) => path) : String(error)
    }
  })
}

const works = ['function', 'function', 'function']

t.test('the same text is read by the own readers', async (t) => {
  const remote = own.against(own.text)
  t.equal(remote.name, 'market.Quotes')
  t.same([...remote.methods.keys()], [...own.methods.keys()])
  for (const [name, codec] of own.methods) {
    const method = compare(own, own, name)
    t.equal(method.requestReader(), codec.request.read)
    t.equal(method.responseReader(), codec.response.read)
    t.equal(method.errorReader(), codec.errors.read)
  }
})

t.test('another text with the same schemas is read by the own readers, too', async (t) => {
  const newer = changed((protocol) => {
    protocol.messages.added = { request: [], response: 'null' }
    Object.assign(protocol.messages.last as Json, { doc: 'new', 'x-idempotent': true })
  })
  t.not(newer.text, own.text)
  for (const [name, codec] of own.methods) {
    const method = compare(own, newer, name)
    t.equal(method.requestReader(), codec.request.read)
    t.equal(method.responseReader(), codec.response.read)
    t.equal(method.errorReader(), codec.errors.read)
  }
  t.notOk(own.against(newer.text).methods.has('added'), 'methods are those that both have')
})

t.test('methods that the peer lacks are absent', async (t) => {
  const older = changed((protocol) => {
    delete protocol.messages.watch
  })
  t.same([...own.against(older.text).methods.keys()], ['last', 'record', 'trade', 'note'])
  t.same([...serviceOf(define({ protocol: 'Empty', messages: {} })).against(own.text).methods], [])
  t.equal(own.against('{"protocol":"a.Other","messages":{}}').name, 'a.Other')
})

t.test('a request and a response with more and fewer fields', async (t) => {
  const newer = changed(({ messages, types }) => {
    messages.last = {
      ...(messages.last as Json),
      request: [field('venue', 'string', 'any'), field('symbol', 'string')],
    }
    types[0] = {
      type: 'record',
      name: 'Tick',
      fields: [field('price', 'double'), field('size', 'int', 0), field('symbol', 'string')],
    }
  })
  // the newer server reads the older client's request, and that one its response
  const request = bytesOf(codecOf(own, 'last').request, { symbol: 'ACME' })
  t.strictSame(readAll(compare(newer, own, 'last').requestReader(), request), { venue: 'any', symbol: 'ACME' })
  const response = bytesOf(codecOf(newer, 'last').response, { symbol: 'ACME', price: 2, size: 9 })
  t.strictSame(readAll(compare(own, newer, 'last').responseReader(), response), { symbol: 'ACME', price: 2 })
  // and the other way round
  const later = bytesOf(codecOf(newer, 'last').request, { symbol: 'ACME', venue: 'X' })
  t.strictSame(readAll(compare(own, newer, 'last').requestReader(), later), { symbol: 'ACME' })
  const earlier = bytesOf(codecOf(own, 'last').response, { symbol: 'ACME', price: 2 })
  t.strictSame(readAll(compare(newer, own, 'last').responseReader(), earlier), { price: 2, size: 0, symbol: 'ACME' })
})

t.test('a method that does not fit has the paths, in its direction; the others work', async (t) => {
  const newer = changed(({ messages }) => {
    messages.last = {
      request: [field('symbol', 'string'), field('options', { type: 'map', values: 'int' })],
      response: 'Tick',
    }
    messages.record = { ...(messages.record as Json), response: { type: 'array', items: 'string' } }
    messages.trade = {
      ...(messages.trade as Json),
      request: [
        field('tick', { type: 'record', name: 'Tick2', aliases: ['Tick'], fields: [field('price', 'string')] }),
      ],
    }
  })
  t.same(outcomes(compare(newer, own, 'last')), [['options'], 'function', 'function'], 'the newer reads the older')
  t.same(outcomes(compare(own, newer, 'last')), works, 'the older reads the newer')
  t.same(outcomes(compare(own, newer, 'record')), ['function', [''], 'function'])
  t.same(outcomes(compare(newer, own, 'trade')), [['tick.price'], 'function', 'function'])
  for (const name of ['watch', 'note']) t.same(outcomes(compare(own, newer, name)), works, name)

  const { requestReader } = compare(newer, own, 'last')
  const thrown: unknown[] = []
  for (let time = 0; time < 2; time++) {
    try {
      requestReader()
    } catch (error) {
      thrown.push(error)
    }
  }
  t.match(thrown[0], { code: 'RIVULET_INCOMPATIBLE_SCHEMA', message: /market\.Quotes\.last, request.* options: / })
  t.equal(thrown[0], thrown[1], 'every time in the same way')
})

t.test('another shape does not fit', async (t) => {
  const shapes: Json[] = [
    { response: 'null' },
    { response: 'null', 'x-stream': 'server' },
    { response: 'null', 'x-stream': 'client' },
    { response: 'null', 'x-stream': 'duplex' },
    { 'one-way': true },
  ]
  const services = shapes.map((shape) =>
    serviceOf(define({ protocol: 'P', messages: { m: { request: [], ...shape } } })),
  )
  for (const [index, reader] of services.entries()) {
    for (const [other, writer] of services.entries()) {
      const expected = index === other ? works : [[''], [''], ['']]
      t.same(outcomes(compare(reader, writer, 'm')), expected, `${index} against ${other}`)
    }
  }
  const [unary] = services as [ServiceCodec, ...ServiceCodec[]]
  const future = JSON.stringify({
    protocol: 'P',
    messages: { m: { request: [], response: 'null', 'x-stream': 'other' } },
  })
  const message = /the peer's method is of the shape other, this side's unary/
  t.throws(() => unary.against(future).methods.get('m')?.requestReader(), {
    code: 'RIVULET_INCOMPATIBLE_SCHEMA',
    message,
  })
})

t.test('errors of another version', async (t) => {
  const newer = changed(({ messages, types }) => {
    types[1] = {
      type: 'error',
      name: 'UnknownSymbol',
      fields: [field('symbol', 'string'), field('hint', 'string', '')],
    }
    types.push({ type: 'error', name: 'Halted', fields: [field('since', 'long')] })
    types[2] = { type: 'error', name: 'Closed', namespace: 'floor', fields: [field('until', 'long')] }
    messages.last = { ...(messages.last as Json), errors: ['Halted', 'floor.Closed', 'UnknownSymbol'] }
    messages.watch = { ...(messages.watch as Json), errors: ['Halted'] }
  })
  const write = (errorName: string, value: unknown) => bytesOf(codecOf(newer, 'last').errors, { errorName, value })
  const read = compare(own, newer, 'last').errorReader()
  t.strictSame(readAll(read, write('UnknownSymbol', { symbol: 'ACME', hint: 'ACMF' })), {
    errorName: 'UnknownSymbol',
    value: { symbol: 'ACME' },
  })
  const closed = { errorName: 'desk.Closed', value: { until: 5, why: '' } }
  t.strictSame(readAll(read, write('floor.Closed', { until: 5 })), closed, 'under the name of this side')
  t.throws(() => readAll(read, write('Halted', { since: 5 })), 'a new error has no place when it arrives')
  t.strictSame(readAll(read, Buffer.from([0, 2, 65])), { errorName: undefined, value: 'A' })
  const watch = compare(own, newer, 'watch').errorReader()
  t.throws(() => readAll(watch, bytesOf(codecOf(newer, 'watch').errors, { errorName: 'Halted', value: { since: 1 } })))
})

t.test('a message of the peer that is not valid spoils only itself', async (t) => {
  const text = JSON.stringify({
    ...quotes(),
    messages: {
      ...quotes().messages,
      last: { request: [field('symbol', 'flot')], response: 'Tick' },
      record: 'nonsense',
      // defines a type, and is not valid: so is what uses it
      note: { request: [field('a', { type: 'enum', name: 'E', symbols: ['A'] }), field('b', 'flot')], 'one-way': true },
      trade: { ...quotes().messages.trade, request: [field('tick', 'Tick'), field('e', 'E')] },
      'no method': { request: [], response: 'null' },
      toString: { request: [], response: 'null' },
    },
  })
  const remote = own.against(text)
  t.same([...remote.methods.keys()], ['last', 'watch', 'record', 'trade', 'note'])
  const invalid = { code: 'RIVULET_INVALID_SCHEMA' }
  for (const name of ['last', 'record', 'trade', 'note']) {
    for (const part of parts) t.throws(() => remote.methods.get(name)?.[part](), invalid, name)
  }
  t.throws(() => remote.methods.get('last')?.requestReader(), {
    ...invalid,
    issues: [{ path: 'messages.last.request.symbol' }],
  })
  t.equal(remote.methods.get('watch')?.responseReader(), codecOf(own, 'watch').response.read)
})

t.test('a peer is known by its text', async (t) => {
  const text = (version: number) => JSON.stringify({ ...quotes(), version })
  const first = own.against(text(0))
  t.equal(own.against(text(0)), first)
  const refused = '{"protocol":"P","messages":{},"types":["x"]}'
  t.throws(() => own.against(refused), { code: 'RIVULET_INVALID_SCHEMA' })
  t.throws(() => own.against(refused), { code: 'RIVULET_INVALID_SCHEMA' })
  for (let version = 1; version <= 14; version++) own.against(text(version))
  t.equal(own.against(text(0)), first, 'the last sixteen are kept')
  for (let version = 20; version < 36; version++) own.against(text(version))
  t.not(own.against(text(0)), first, 'and no more')
})

t.test('what is read of another version is what a schema alone reads', async () => {
  const service = (schema: AvroSchema) =>
    serviceOf(define({ protocol: 'P', messages: { m: { request: [], response: schema } } }))
  const attempt = (make: () => unknown): unknown => {
    try {
      return make()
    } catch (error) {
      return isRivuletError(error) ? error.code : 'refused'
    }
  }
  const check = (writer: AvroSchema, reader: AvroSchema, values: unknown[]) => {
    const [from, to] = [defineSchema(writer), defineSchema(reader)]
    const remote = compare(service(reader), service(writer), 'm')
    for (const value of values) {
      const bytes = from.encode(value)
      const alone = attempt(() => to.encode(to.decode(bytes, { writer: from })).toString('hex'))
      const inService = attempt(() => to.encode(readAll(remote.responseReader(), bytes)).toString('hex'))
      const same = alone === inService || (inService === 'refused' && /^RIVULET/.test(String(alone)))
      if (!same) throw new Error(`${String(alone)} alone, ${String(inService)} in a service`)
    }
  }
  checkWithSeeds(
    fc.property(samples, samples, (one, other) => {
      check(one.schema, other.schema, one.values)
      if (!Array.isArray(one.schema) && one.schema !== 'null') check(one.schema, ['null', one.schema], one.values)
    }),
    200,
  )
})
