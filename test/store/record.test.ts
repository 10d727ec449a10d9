/** The memory of sealed batches is used again once nothing reads it. */
import t from 'tap'
import { Sealer } from '../../src/store/record.js'

t.test('a batch of a busy turn takes the memory of a former one', async (t) => {
  const sealer = new Sealer()
  const change = { key: Buffer.from('key'), value: Buffer.alloc(600_000, 1) }
  const first = sealer.seal([change])
  const second = sealer.seal([change])
  t.not(first.slab, second.slab, 'both are in use')
  sealer.release(first)
  sealer.release(second)
  const slabs = new Set([first.slab, second.slab])
  for (let round = 0; round < 4; round++) {
    const again = sealer.seal([change])
    t.ok(slabs.has(again.slab))
    t.same(again.changes[0]?.record?.subarray(4), change.value)
    sealer.release(again)
  }
})

t.test('a batch that is larger than a slab has memory of its own', async (t) => {
  const sealer = new Sealer()
  const small = sealer.seal([{ key: Buffer.from('key'), value: Buffer.from('value') }])
  const large = sealer.seal([{ key: Buffer.from('key'), value: Buffer.alloc(2_000_000, 1) }])
  t.not(large.slab, small.slab)
  sealer.release(large)
  const other = sealer.seal([{ key: Buffer.from('other'), value: undefined }])
  t.equal(other.slab, small.slab)
})
