/** Services as their users see them: names, literals, hashes, declared errors, and recognition across copies. */
import { createHash } from 'node:crypto'
import { cpSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import {
  type AvroProtocol,
  defineSchema,
  defineService,
  isDeclaredError,
  isRivuletError,
  isService,
} from '../../src/avro/index.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import { modulePath } from '../child-process.js'
import { avro, hasAvsc, withAvsc } from './oracle.js'
import { define, field, quotes, Tick } from './services.js'

const Quotes = defineService({
  protocol: 'Quotes',
  namespace: 'market',
  types: [
    Tick.json,
    { type: 'error', name: 'UnknownSymbol', fields: [{ name: 'symbol', type: 'string' }] },
    { type: 'record', name: 'Closed', fields: [{ name: 'until', type: 'long', default: 0 }] },
  ],
  messages: {
    last: {
      request: [{ name: 'symbol', type: 'string' }],
      response: 'Tick',
      errors: ['UnknownSymbol', 'market.Closed'],
      'x-audience': ['desk'],
    },
    close: { request: [], response: 'null', errors: ['Closed'] },
    stop: { request: [], 'one-way': true },
  },
})

t.test('name, literal and hash', async (t) => {
  t.equal(Quotes.name, 'market.Quotes')
  t.equal(define({ protocol: 'a.b.C', messages: {} }).name, 'a.b.C')
  t.equal(define({ protocol: 'C', messages: {} }).name, 'C')
  t.ok(Object.isFrozen(Quotes.json))
  t.ok(Object.isFrozen(Quotes.json.messages.last['x-audience']))
  t.same(Quotes.json.messages.last['x-audience'], ['desk'], 'attributes stay')
  const { text, hash } = serviceOf(Quotes)
  t.equal(Quotes.hash, hash)
  t.equal(hash, createHash('sha256').update(text).digest('hex').slice(0, 32))
  t.equal(define(Quotes.json).hash, hash)
  t.not(define({ ...Quotes.json, doc: 'other' }).hash, hash)
})

t.test('the text is a protocol for any Avro library', withAvsc, async (t) => {
  const { text } = serviceOf(Quotes)
  const theirs = avro.Service.forProtocol(JSON.parse(text))
  t.equal(theirs.name, 'market.Quotes')
  t.same(theirs.messages.map((message: { name: string }) => message.name).sort(), ['close', 'last', 'stop'])
  t.equal(JSON.parse(text).messages.stop.response, 'null', 'which some demand')
  t.same(JSON.parse(text).messages.last['x-audience'], ['desk'])
  t.notOk('response' in Quotes.json.messages.stop, 'the literal stays as it was written')
})

t.test('types of other schemas are among those of the text', async (t) => {
  const Side = defineSchema({ type: 'enum', name: 'Side', namespace: 'market', symbols: ['BUY', 'SELL'] })
  const Order = defineSchema(
    { type: 'record', name: 'Order', namespace: 'desk', fields: [{ name: 'side', type: 'market.Side' }] },
    { types: [Side] },
  )
  const Unused = defineSchema({ type: 'fixed', name: 'Unused', size: 2 })
  const Rejected = defineSchema(
    { type: 'error', name: 'Rejected', fields: [{ name: 'order', type: 'desk.Order' }] },
    { types: [Order] },
  )
  const Desk = defineService(
    {
      protocol: 'desk.Desk',
      types: [{ type: 'record', name: 'Fill', fields: [{ name: 'order', type: 'Order' }] }],
      messages: {
        place: {
          request: [
            { name: 'order', type: 'Order' },
            { name: 'side', type: 'market.Side' },
          ],
          response: { type: 'array', items: 'Fill' },
          errors: ['.Rejected'],
        },
        sides: { request: [], response: { type: 'enum', name: 'market.Side', symbols: ['BUY', 'SELL'] } },
      },
    },
    { types: [Side, Order, Unused, Rejected] },
  )
  const { text } = serviceOf(Desk)
  t.equal(text.match(/"symbols"/g)?.length, 1, 'each definition once')
  t.notMatch(text, 'Unused')
  t.same(
    JSON.parse(text).types.map((type: { name: string }) => type.name),
    ['Fill', 'Rejected'],
  )
  t.equal(define(JSON.parse(text)).hash, Desk.hash, 'the text stands alone')
  if (hasAvsc) avro.Service.forProtocol(JSON.parse(text))
  t.match(JSON.stringify(Desk.json), '"errors":[".Rejected"]', 'the literal stays as it was written')
  const error = Desk.error('place', '.Rejected', { order: { side: 'BUY' } })
  t.same([error.errorName, error.value], ['.Rejected', { order: { side: 'BUY' } }])

  const Other = defineSchema({ type: 'enum', name: 'market.Side', symbols: ['SELL'] })
  const refused = { code: 'RIVULET_INVALID_SCHEMA', message: /"market\.Side" is defined differently/ }
  const types = [{ type: 'enum', name: 'Side', symbols: ['BUY', 'SELL'] }] as const
  const messages = { a: { request: [], response: 'Side' } } as const
  t.throws(() => defineService({ protocol: 'market.P', types, messages }, { types: [Other] }), refused)
  t.ok(defineService({ protocol: 'market.P', types, messages }, { types: [Side] }), 'the same definition merges')
})

t.test('a declared error', async (t) => {
  const value = { symbol: 'ACME', extra: 1 }
  const error = Quotes.error('last', 'UnknownSymbol', value)
  value.symbol = 'changed'
  t.ok(error instanceof Error)
  t.notOk(isRivuletError(error))
  t.match(error, { service: 'market.Quotes', method: 'last', errorName: 'UnknownSymbol', name: 'DeclaredError' })
  t.strictSame(error.value, { symbol: 'ACME' }, 'a copy of what the schema names')
  t.equal(error.message, 'market.Quotes.last failed with UnknownSymbol', 'which never holds the value')
  t.match(error.stack, /service\.test\.[jt]s:/)
  t.strictSame(Quotes.error('close', 'Closed', {}).value, { until: 0 }, 'defaults are filled in')
})

t.test('an error that is not right', async (t) => {
  const last = (name: string, value: unknown) => () => Quotes.error('last', name as 'UnknownSymbol', value as never)
  t.throws(last('UnknownSymbol', {}), { code: 'RIVULET_INVALID_MESSAGE', issues: [{ path: 'symbol' }] })
  t.throws(last('UnknownSymbol', null), { code: 'RIVULET_INVALID_MESSAGE', issues: [{ path: '' }] })
  for (const name of ['Closed', 'string', 'toString', '__proto__', 'market.UnknownSymbol', undefined as never]) {
    t.throws(last(name, { symbol: 'x' }), { code: 'RIVULET_INVALID_OPTION' }, String(name))
  }
  t.throws(() => Quotes.error('toString' as 'last', 'UnknownSymbol', { symbol: 'x' }), {
    code: 'RIVULET_INVALID_OPTION',
    message: 'market.Quotes has no method "toString"',
  })
})

t.test('declared errors are recognised', async (t) => {
  const error: unknown = Quotes.error('last', 'UnknownSymbol', { symbol: 'ACME' })
  t.ok(isDeclaredError(Quotes, 'last', error))
  t.ok(isDeclaredError(Quotes, 'last', error, 'UnknownSymbol'))
  t.notOk(isDeclaredError(Quotes, 'last', error, 'market.Closed'))
  t.notOk(isDeclaredError(Quotes, 'close', error), 'of another method')
  t.notOk(isDeclaredError(Quotes, 'stop', error))
  t.notOk(isDeclaredError(Quotes, 'toString' as 'last', error))
  for (const other of [undefined, null, 'x', new Error('x'), { ...(error as object) }]) {
    t.notOk(isDeclaredError(Quotes, 'last', other))
  }
  t.ok(isDeclaredError(define(Quotes.json), 'last', error), 'by the same service of another copy')
  const Newer = define({ ...Quotes.json, doc: 'newer' })
  t.notOk(isDeclaredError(Newer, 'last', error), 'not by another version')
})

t.test('another copy of the package is recognised', async (t) => {
  t.ok(isService(Quotes))
  t.ok(isService({ [Symbol.for('rivulet.service')]: {} }))
  for (const other of [null, {}, Tick, Quotes.json, 'x']) t.notOk(isService(other))
  const folder = t.testdir()
  cpSync(modulePath('src'), folder, { recursive: true })
  const entry = pathToFileURL(join(folder, 'avro', basename(modulePath('src/avro/index.ts')))).href
  const copy: typeof import('../../src/avro/index.js') = await import(entry)
  const Theirs = copy.defineService(Quotes.json)
  const error = Theirs.error('last', 'UnknownSymbol', { symbol: 'ACME' })
  t.not(copy.defineService, defineService, 'it is another copy')
  t.ok(isService(Theirs))
  t.ok(isDeclaredError(Quotes, 'last', error))
  t.ok(isDeclaredError(Theirs, 'last', Quotes.error('last', 'UnknownSymbol', { symbol: 'ACME' })))
})

t.test('options are checked', async (t) => {
  const options = { code: 'RIVULET_INVALID_OPTION' }
  t.throws(() => defineService(Quotes.json, { type: [] } as never), { ...options, message: /^defineService takes/ })
  t.throws(() => defineService(Quotes.json, { types: [Tick.json] as never }), options)
  t.throws(() => defineService(Quotes.json, { long: 'string' as never }), options)
})

t.test('the object of the caller is neither kept nor changed', async (t) => {
  const json = quotes()
  const Service = defineService(json as unknown as AvroProtocol)
  json.messages.last = { request: [field('other', 'int')], response: 'null' }
  t.same(Object.keys(define(Service.json).json.messages), ['last', 'watch', 'record', 'trade', 'note'])
  t.notOk(Object.isFrozen(json))
  t.equal(Service.error('last', 'UnknownSymbol', { symbol: 'x' }).errorName, 'UnknownSymbol')
})
