/** Fingerprints and canonical forms, against the vectors of the specification and against avsc's canonical form. */
import fc from 'fast-check'
import t from 'tap'
import { canonicalForm } from '../../src/avro/canonical.js'
import { codecOf } from '../../src/avro/codec.js'
import { defineSchema } from '../../src/avro/index.js'
import { parseSchema } from '../../src/avro/parse.js'
import { samples } from './arbitraries.js'
import { avscType, withAvsc } from './oracle.js'
import { checkWithSeeds } from './seeds.js'

t.test('the vectors of the specification', async (t) => {
  // share/test/data/schema-tests.txt of the Avro project: signed 64-bit numbers
  const vectors: [string, bigint][] = [
    ['null', 7195948357588979594n],
    ['boolean', -6970731678124411036n],
    ['int', 8247732601305521295n],
    ['long', -3434872931120570953n],
    ['float', 5583340709985441680n],
    ['double', -8181574048448539266n],
    ['bytes', 5746618253357095269n],
    ['string', -8142146995180207161n],
  ]
  for (const [name, signed] of vectors) {
    const digits = BigInt.asUintN(64, signed).toString(16).padStart(16, '0')
    t.equal(defineSchema(name).fingerprint, digits)
    t.equal(defineSchema({ type: name as 'int' }).fingerprint, digits)
  }
  t.equal(defineSchema('null').fingerprint, '63dd24e7cc258f8a')
})

t.test('the codec has the bytes of the single-object encoding', async (t) => {
  const { fingerprint } = codecOf(defineSchema('null'))
  t.equal(fingerprint.toString('hex'), '8a8f25cce724dd63')
})

t.test('canonical forms', async (t) => {
  const form = (json: unknown) => canonicalForm(parseSchema(json, 'own'))
  const record = {
    type: 'error',
    doc: 'no',
    namespace: 'x.y',
    name: 'R',
    aliases: ['Q'],
    fields: [
      { doc: 'no', name: 'a', type: { type: 'long', logicalType: 'timestamp-millis' }, default: 5 },
      { name: 'b', type: { type: 'enum', name: 'E', symbols: ['A'], default: 'A' } },
      { name: 'c', type: ['null', 'E', { type: 'fixed', size: 2, name: 'z.F' }, 'R'] },
    ],
  }
  const fields = [
    '{"name":"a","type":"long"}',
    '{"name":"b","type":{"name":"x.y.E","type":"enum","symbols":["A"]}}',
    '{"name":"c","type":["null","x.y.E",{"name":"z.F","type":"fixed","size":2},"x.y.R"]}',
  ]
  t.equal(form(record), `{"name":"x.y.R","type":"record","fields":[${fields.join(',')}]}`)
})

t.test('the same canonical form as avsc', withAvsc, async () => {
  checkWithSeeds(
    fc.property(samples, ({ schema }) => {
      const theirs = avscType(schema)
      return JSON.stringify(theirs.schema()) === canonicalForm(parseSchema(schema, 'own'))
    }),
    300,
  )
})

t.test('the schemaId tells apart what the fingerprint does not', async (t) => {
  const millis = defineSchema({ type: 'long', logicalType: 'timestamp-millis' })
  const micros = defineSchema({ type: 'long', logicalType: 'timestamp-micros' })
  t.equal(millis.fingerprint, micros.fingerprint)
  t.notSame(codecOf(millis).schemaId, codecOf(micros).schemaId)
  t.equal(codecOf(millis).schemaId.length, 16)
  t.same(codecOf(millis).schemaId, codecOf(defineSchema({ type: 'long', logicalType: 'timestamp-millis' })).schemaId)
})
