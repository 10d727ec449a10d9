/** The texts of schemas that a node remembers: a sender with very many of them forgets its own. */
import { createHash } from 'node:crypto'
import t from 'tap'
import { SchemaTexts } from '../../patterns/messaging/schema-texts.js'

const keyOf = (text: string) => createHash('sha256').update(text).digest().toString('latin1', 0, 16)

function table() {
  const schemas = new SchemaTexts()
  const learn = (text: string, from: string) => schemas.textOf(keyOf(text), text, from)
  const knows = (text: string, from = 'anybody') => {
    try {
      return schemas.textOf(keyOf(text), undefined, from) === text
    } catch {
      return false
    }
  }
  return { schemas, learn, knows }
}

t.test('a text that does not match its hash, and one that is not known', async (t) => {
  const { schemas } = table()
  t.throws(() => schemas.textOf(keyOf('"int"'), '"long"', 'one'), { code: 'RIVULET_INVALID_REQUEST' })
  t.throws(() => schemas.textOf(keyOf('"int"'), undefined, 'one'), { code: 'RIVULET_UNAVAILABLE' })
})

t.test('a text is known to everybody, whoever it came from', async (t) => {
  const { learn, knows } = table()
  learn('"int"', 'one')
  t.ok(knows('"int"', 'two'))
})

t.test('one sender with very many texts leaves those of the others', async (t) => {
  const { learn, knows } = table()
  learn('"int"', 'honest')
  for (let text = 0; text < 5000; text++) learn(`"t${text}"`, 'flood')
  t.ok(knows('"int"'))
  t.notOk(knows('"t0"'))
  t.ok(knows('"t4999"'), 'it has its last ones')
})

t.test('one sender with very long texts leaves those of the others', async (t) => {
  const { learn, knows } = table()
  learn('"int"', 'honest')
  for (let text = 0; text < 400; text++) learn(`"${'x'.repeat(60_000)}${text}"`, 'flood')
  t.ok(knows('"int"'))
})

t.test('many senders that fill the table: the heaviest forgets', async (t) => {
  const { learn, knows } = table()
  learn('"int"', 'honest')
  for (let sender = 0; sender < 20; sender++)
    for (let text = 0; text < 500; text++) learn(`"t${sender}-${text}"`, `flood ${sender}`)
  t.ok(knows('"int"'))
  t.ok(knows('"t19-499"'))
})
