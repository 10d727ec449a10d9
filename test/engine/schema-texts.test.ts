/** Texts of schemas: kept in the store, remembered up to a bound, taken back with the write that would have kept them. */
import { createHash } from 'node:crypto'
import t from 'tap'
import type { EngineStore } from '../../src/engine/ports.js'
import { SchemaTexts } from '../../src/engine/schema-texts.js'
import { Transaction } from '../../src/engine/transaction.js'

/** A store that counts what it is asked for. */
class Records implements EngineStore {
  readonly durability = 'memory'
  readonly records = new Map<string, Uint8Array>()
  asked = 0

  get(key: Uint8Array): Uint8Array | undefined {
    this.asked += 1
    return this.records.get(Buffer.from(key).toString('hex'))
  }

  range(): [] {
    return []
  }

  write(): void {
    throw new Error('nothing here writes')
  }

  take({ changes }: Transaction): void {
    for (const { key, value } of changes) {
      if (value) this.records.set(Buffer.from(key).toString('hex'), Buffer.concat([value].flat()))
    }
  }
}

const schemaIdOf = (text: string) => createHash('sha256').update(text).digest().subarray(0, 16)

function keep(schemas: SchemaTexts, store: Records, text: string): void {
  const tx = new Transaction(store, 0, 0)
  schemas.keep(tx, schemaIdOf(text), text)
  store.take(tx)
}

t.test('a thousand schemas are all found, and few of them are remembered', async (t) => {
  const store = new Records()
  const schemas = new SchemaTexts(store)
  const texts = Array.from({ length: 1000 }, (_, index) => `"schema ${index}"`)
  for (const text of texts) keep(schemas, store, text)
  store.asked = 0
  t.equal(schemas.text(schemaIdOf(texts[999] as string)), texts[999])
  t.equal(store.asked, 0, 'a late one is remembered')
  t.strictSame(
    texts.map((text) => schemas.text(schemaIdOf(text))),
    texts,
  )
  t.ok(store.asked > 700, 'early ones are not')
})

t.test('names that nobody has stored have no text, however many are asked for', async (t) => {
  const store = new Records()
  const schemas = new SchemaTexts(store)
  keep(schemas, store, '"known"')
  for (let index = 0; index < 1000; index++) t.equal(schemas.text(schemaIdOf(`"stranger ${index}"`)), undefined)
  t.equal(schemas.text(schemaIdOf('"known"')), '"known"')
})

t.test('a text is gone with the write that would have kept it', async (t) => {
  const store = new Records()
  const schemas = new SchemaTexts(store)
  const tx = new Transaction(store, 0, 0)
  t.equal(schemas.keep(tx, schemaIdOf('"late"'), '"late"'), true)
  t.equal(schemas.text(schemaIdOf('"late"')), '"late"', 'it is known while it is being stored')
  for (const undo of tx.reversals) undo()
  t.equal(schemas.text(schemaIdOf('"late"')), undefined)
  t.equal(schemas.keep(new Transaction(store, 0, 0), schemaIdOf('"late"'), undefined), false)
})

t.test('messages share the name of their schema', async (t) => {
  const schemas = new SchemaTexts(new Records())
  t.equal(schemas.intern(schemaIdOf('"a"')), schemas.intern(schemaIdOf('"a"')))
  t.not(schemas.intern(schemaIdOf('"a"')), schemas.intern(schemaIdOf('"b"')))
})
