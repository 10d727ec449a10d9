/** A writer's schema that cannot be read is read once, and refused at no cost from then on. */
import t from 'tap'
import { type Codec, codecOf } from '../../src/avro/codec.js'
import { defineSchema } from '../../src/avro/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { CompatibleReader } from '../../src/wire/index.js'

const Text = defineSchema('string')

/** A reader of text, what it has reported, and the schemas that its codec was asked to read. */
function watched() {
  const asked: string[] = []
  const reports: RivuletError[] = []
  const codec = codecOf(Text) as Codec<never, string>
  const counting: Codec<never, string> = {
    ...codec,
    readerFor(text) {
      asked.push(text)
      return codec.readerFor(text)
    },
  }
  return { reader: new CompatibleReader(counting, (error) => reports.push(error)), asked, reports }
}

const schema = (index: number) => `{"type":"int","doc":"${index}"}`

t.test('many writers that cannot be read, again and again', async (t) => {
  const { reader, asked, reports } = watched()
  let found = 0
  for (let round = 0; round < 3; round++) {
    for (let index = 0; index < 1000; index++) if (reader.readerFor(schema(index))) found += 1
  }
  t.equal(found, 0)
  t.equal(asked.length, 1000)
  t.equal(reports.length, 1000)
  t.match(reports[0], { code: 'RIVULET_INCOMPATIBLE_SCHEMA' })
  t.ok(reader.readerFor('"bytes"'), 'others are read')
})
