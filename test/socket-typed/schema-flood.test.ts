/** Connections that each announce a new schema: learned at a bounded rate, counted, and no harm to peers whose schema is known. */
import t from 'tap'
import { connectStream, createStreamListener } from '../../patterns/socket/index.js'
import { codecOf } from '../../src/avro/codec.js'
import { defineSchema } from '../../src/avro/index.js'
import { SchemaRate } from '../../src/wire/index.js'
import { eachStreamTransport } from '../socket-stream/ends.js'
import { codesOf, total, until } from '../support/events.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { Note } from './typed-side.js'

/** A schema that can be read, and that nobody has announced before. */
const newSchema = (name: string) => defineSchema({ ...(Note.json as object), doc: name } as never)

eachStreamTransport(
  t,
  'new schemas are learned at a bounded rate, and known ones always',
  async (t, { bind, transport }) => {
    const clock = new VirtualClock()
    const { runtime } = place(t, transport, { clock })
    const listener = await createStreamListener({ schema: Note, bind, runtime })
    listener.connections.subscribe()
    const codes = codesOf(listener)
    const open = async (schema: typeof Note) => {
      const connection = await connectStream({ schema, connect: listener.endpoint, runtime })
      await connection.close({ drain: false })
    }
    const texts = Array.from(
      { length: 60 },
      (_, number) => newSchema(`${transport} ${100 + number}`) as unknown as typeof Note,
    )
    const cost = codecOf(texts[10] as typeof Note).text.length + 4096
    const most = Math.floor(131_072 / cost)
    let opened = 0
    let refused = 0
    for (const schema of texts) {
      await open(schema).then(
        () => {
          opened += 1
        },
        ({ code, retryable }) => {
          t.strictSame([code, retryable], ['RIVULET_OVERLOADED', true])
          refused += 1
        },
      )
    }
    t.equal(opened, most)
    t.equal(refused, 60 - most)
    await until(() => total(listener.stats().refused) === refused)
    t.strictSame(listener.stats().refused, { 'too-many-schemas': refused })
    const reports = codes.filter((code) => code === 'RIVULET_OVERLOADED').length
    t.ok(reports > 0 && reports <= 32, `${reports} reports`)

    await open(Note)
    await open(texts[0] as typeof Note)
    await t.rejects(open(texts[59] as typeof Note), { code: 'RIVULET_OVERLOADED' })
    clock.advance(Math.ceil((1000 * cost) / 131_072))
    await open(texts[59] as typeof Note)
    t.match(listener.stats(), { accepted: most + 3 })
  },
)

t.test('a schema costs its text and 4,096 bytes, once', async (t) => {
  const clock = new VirtualClock()
  const rate = new SchemaRate(clock)
  const unknown = { hasReader: () => false }
  const long = 'x'.repeat(65_536 - 4096)
  t.ok(rate.allows(unknown, long))
  t.ok(rate.allows(unknown, long))
  t.notOk(rate.allows(unknown, ''))
  t.ok(rate.allows({ hasReader: () => true }, long))
  t.equal(rate.refused, 1)
  clock.advance(31)
  t.notOk(rate.allows(unknown, ''))
  clock.advance(1)
  t.ok(rate.allows(unknown, ''))
  t.equal(rate.refused, 2)
})
