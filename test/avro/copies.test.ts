/** A schema of another copy of the package writes values of any size for this one, which takes a larger buffer where it needs one. */
import { cpSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { codecOf } from '../../src/avro/codec.js'
import { record } from '../../src/avro/index.js'
import { MessagePacker } from '../../src/reliable-send/message-packer.js'
import { modulePath } from '../child-process.js'

t.test('a value that finds no room in the buffer is written into a larger one', async (t) => {
  const folder = t.testdir()
  cpSync(modulePath('src'), folder, { recursive: true })
  const entry = pathToFileURL(join(folder, 'avro', basename(modulePath('src/avro/index.ts')))).href
  const { defineSchema }: typeof import('../../src/avro/index.js') = await import(entry)
  const Note = defineSchema(record('Note', { text: 'string' }))
  const packer = new MessagePacker(codecOf(Note), { maxMessageBytes: 100_000, checks: false, smallestSlabBytes: 1024 })
  for (const length of [10, 2000, 90_000]) {
    const size = packer.add({ text: 'x'.repeat(length) })
    t.ok(typeof size === 'number' && size > length, String(size))
  }
  t.equal(packer.count, 3)
})
