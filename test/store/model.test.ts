/** Stores against a sorted map: any batches, ranges and removals, over keys that collide and share their beginnings. */
import fc from 'fast-check'
import t from 'tap'
import { stores, temporaryFolder } from './stores.js'

const key = fc
  .uint8Array({ minLength: 1, maxLength: 3 })
  .map((bytes) => Buffer.from(bytes.map((byte) => [0, 1, 0xff][byte % 3] as number)))
const value = fc.option(fc.uint8Array({ maxLength: 6000 }), { nil: undefined })
const batch = fc.array(fc.record({ key, value }), { maxLength: 8 })
const range = fc.record({ from: key, to: fc.option(key, { nil: undefined }), limit: fc.nat(9), reverse: fc.boolean() })

for (const name of ['lmdb', 'memory'] as const) {
  t.test(name, async (t) => {
    const store = await (stores[name] as (typeof stores)[string])(temporaryFolder(t), 67_108_864)
    t.teardown(() => store.close())
    const model = new Map<string, Buffer>()
    const property = fc.asyncProperty(fc.array(batch, { maxLength: 6 }), fc.array(range), async (batches, ranges) => {
      await Promise.all(batches.map((changes) => store.write(changes)))
      for (const { key, value } of batches.flat()) {
        if (value) model.set(key.toString('latin1'), Buffer.from(value))
        else model.delete(key.toString('latin1'))
      }
      for (const { from, to, limit, reverse } of [
        { from: Buffer.of(0), to: undefined, limit: 1000, reverse: false },
        ...ranges,
      ]) {
        const expected = [...model.keys()]
          .filter((text) => text >= from.toString('latin1') && (to === undefined || text < to.toString('latin1')))
          .sort()
        if (reverse) expected.reverse()
        const found = [...store.range(from, to, { limit, reverse })]
        const keys = found.map(({ key }) => Buffer.from(key).toString('latin1'))
        if (keys.join() !== expected.slice(0, limit).join()) throw new Error(`found ${keys}, expected ${expected}`)
        for (const { key, value } of found) {
          const right = model.get(Buffer.from(key).toString('latin1')) as Buffer
          if (!right.equals(value) || !right.equals(store.get(key) as Uint8Array)) throw new Error('another value')
        }
      }
    })
    const result = await fc.check(property, { numRuns: name === 'lmdb' ? 60 : 300 })
    t.notOk(result.failed, fc.defaultReportMessage(result) ?? `seed ${result.seed}`)
  })
}
