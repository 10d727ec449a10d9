/** Named types across schemas: referred to, merged where identical, refused where not, and self-contained as text. */
import t from 'tap'
import { codecOf } from '../../src/avro/codec.js'
import { defineSchema, type Infer, isSchema } from '../../src/avro/index.js'
import { avscType, hasAvsc } from './oracle.js'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const holds = <_Claim extends true>(): void => {}

const Side = defineSchema({ type: 'enum', name: 'Side', namespace: 'market', symbols: ['BUY', 'SELL'] })
const Tick = defineSchema(
  {
    type: 'record',
    name: 'Tick',
    namespace: 'market',
    doc: 'kept',
    fields: [
      { name: 'side', type: 'Side' },
      { name: 'price', type: 'double' },
    ],
  },
  { types: [Side] },
)

t.test('a type of another schema is used by its name', async (t) => {
  const Book = defineSchema(
    {
      type: 'record',
      name: 'Book',
      namespace: 'desk',
      fields: [
        { name: 'best', type: 'market.Tick' },
        { name: 'others', type: { type: 'array', items: 'market.Tick' } },
        { name: 'last', type: 'market.Side' },
      ],
    },
    { types: [Tick] },
  )
  holds<Same<Infer<typeof Book>['others'][number]['side'], 'BUY' | 'SELL'>>()
  const tick = { side: 'BUY', price: 1 } as const
  const value = { best: tick, others: [tick], last: 'SELL' } as const
  t.same(Book.decode(Book.encode(value)), value)
  // the text stands alone: whoever has only it reads the same bytes
  const { text } = codecOf(Book)
  const alone = defineSchema(JSON.parse(text))
  t.same(alone.decode(Book.encode(value)), value)
  t.equal(alone.fingerprint, Book.fingerprint)
  if (hasAvsc) t.same(avscType(JSON.parse(text)).toBuffer(value), Book.encode(value))
  t.equal(text.match(/"symbols"/g)?.length, 1, 'each definition once, where it is first used')
  t.match(text, '"doc":"kept"')
  t.match(JSON.stringify(Book.json), '"type":"market.Tick"', 'the literal stays as it was written')
})

t.test('types without a namespace inside a namespace', async (t) => {
  const Bare = defineSchema({ type: 'fixed', name: 'Bare', size: 1 })
  const User = defineSchema(
    {
      type: 'record',
      name: 'x.User',
      fields: [
        { name: 'a', type: '.Bare' },
        { name: 'b', type: { type: 'record', name: 'In', fields: [{ name: 'c', type: '.Bare' }] } },
      ],
    },
    { types: [Bare] },
  )
  const value = { a: Buffer.from('a'), b: { c: Buffer.from('c') } }
  t.same(User.decode(User.encode(value)), value)
  t.same(defineSchema(JSON.parse(codecOf(User).text)).decode(User.encode(value)), value)
})

t.test('identical redefinitions merge, others are refused', async (t) => {
  const side = { type: 'enum', name: 'Side', namespace: 'market', doc: 'again', symbols: ['BUY', 'SELL'] } as const
  const Again = defineSchema({ type: 'array', items: side }, { types: [Side, Tick] })
  t.same(Again.decode(Again.encode(['BUY'])), ['BUY'])
  const Two = defineSchema(
    {
      type: 'record',
      name: 'Two',
      fields: [
        { name: 't', type: 'market.Tick' },
        { name: 's', type: side },
      ],
    },
    { types: [Tick] },
  )
  t.same(Two.decode(Two.encode({ t: { side: 'BUY', price: 2 }, s: 'SELL' })), {
    t: { side: 'BUY', price: 2 },
    s: 'SELL',
  })
  const Other = defineSchema({ type: 'enum', name: 'market.Side', symbols: ['BUY'] })
  const refused = { code: 'RIVULET_INVALID_SCHEMA', message: /market\.Side/ }
  t.throws(() => defineSchema('null', { types: [Tick, Other] }), refused)
  t.throws(() => defineSchema({ ...side, symbols: ['SELL', 'BUY'] }, { types: [Tick] }), refused)
  const micros = { type: 'fixed', name: 'F', size: 16, logicalType: 'uuid' } as const
  const Fixed = defineSchema(micros)
  t.throws(() => defineSchema({ ...micros, logicalType: 'other' }, { types: [Fixed] }), {
    code: 'RIVULET_INVALID_SCHEMA',
  })
})

t.test('longs of the user decide, not those of the types', async (t) => {
  const Count = defineSchema({ type: 'record', name: 'Count', fields: [{ name: 'n', type: 'long' }] })
  const Big = defineSchema({ type: 'array', items: 'Count' }, { types: [Count], long: 'bigint' })
  holds<Same<Infer<typeof Big>[number]['n'], bigint>>()
  t.same(Big.decode(Big.encode([{ n: 2n ** 62n }])), [{ n: 2n ** 62n }])
})

t.test('options are checked', async (t) => {
  t.throws(() => defineSchema('int', { types: ['x'] as never }), { code: 'RIVULET_INVALID_OPTION' })
  t.throws(() => defineSchema('int', { long: 'string' as never }), { code: 'RIVULET_INVALID_OPTION' })
  t.throws(() => defineSchema('int', { type: [] } as never), { code: 'RIVULET_INVALID_OPTION' })
})

t.test('a schema is recognised by its brand', async (t) => {
  t.ok(isSchema(Tick))
  t.ok(isSchema({ [Symbol.for('rivulet.schema')]: {} }), 'also one of another copy of the package')
  t.notOk(isSchema({}))
  t.notOk(isSchema(null))
  t.notOk(isSchema(Tick.json))
})
