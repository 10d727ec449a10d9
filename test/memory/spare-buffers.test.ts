/** Buffers of frames that are used again: by size, few, and only those that were given back. */
import t from 'tap'
import { SpareBuffers } from '../../src/memory/spare-buffers.js'

t.test('a buffer that was given back is the next one of its size, and no other', async (t) => {
  const spare = new SpareBuffers()
  const first = spare.take(70_000)
  const second = spare.take(70_000)
  t.not(first, second)
  t.ok(first.length >= 70_000)
  spare.give(first)
  t.equal(spare.bytes, first.length)
  t.not(spare.take(200_000), first, 'it is too small')
  t.not(spare.take(40_000), first, 'it is too large')
  t.equal(spare.take(first.length - 100), first)
  t.equal(spare.bytes, 0)
  t.not(spare.take(70_000), first, 'it is in use')
})

t.test('no size takes more than a quarter more than was asked for', async (t) => {
  const spare = new SpareBuffers()
  for (let bytes = 1; bytes < 3_000_000; bytes = Math.ceil(bytes * 1.07)) {
    const { length } = spare.take(bytes)
    if (length < bytes || length > bytes * 1.25) t.fail(`${length} bytes for ${bytes}`)
  }
})

t.test('small and very large buffers are not kept, and of others 4 MiB', async (t) => {
  const spare = new SpareBuffers()
  spare.give(spare.take(30_000))
  spare.give(spare.take(3_000_000))
  t.equal(spare.bytes, 0)
  spare.give(Buffer.alloc(70_001))
  t.equal(spare.bytes, 0, 'one that it has not made')
  const buffers = Array.from({ length: 100 }, () => spare.take(100_000))
  for (const buffer of buffers) spare.give(buffer)
  t.ok(spare.bytes > 4_000_000 && spare.bytes <= 4_194_304, `${spare.bytes} bytes`)
})
