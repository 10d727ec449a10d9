/** What every store promises: order, all or nothing, ranges, bounds, and what comes after the end. */
import t from 'tap'
import { maxValueBytes, type Store } from '../../src/store/index.js'
import { bytes, stores, temporaryFolder, texts } from './stores.js'

const megabyte = 1_048_576
const text = (value: string): Buffer => Buffer.from(value, 'latin1')
const put = (key: Uint8Array, value = '') => ({ key, value: text(value) })
const remove = (key: Uint8Array) => ({ key, value: undefined })

for (const [name, make] of Object.entries(stores)) {
  t.test(name, async (t) => {
    const open = async (t: { teardown(callback: () => unknown): void }, maxBytes = 64 * megabyte): Promise<Store> => {
      const store = await make(temporaryFolder(t), maxBytes)
      t.teardown(() => store.close())
      return store
    }

    t.test('keys are in the order of their bytes', async (t) => {
      const store = await open(t)
      const keys = [bytes(0), bytes(0, 0), bytes(0, 1), bytes(1), bytes(1, 0xff), bytes(2), bytes(0xff), bytes(0xff, 0)]
      keys.push(Buffer.alloc(64, 0xff))
      await store.write(keys.toReversed().map((key) => put(key, 'x')))
      t.strictSame(
        [...store.range()].map(({ key }) => Buffer.from(key)),
        keys,
      )
      t.strictSame(
        [...store.range(undefined, undefined, { reverse: true })].map(({ key }) => Buffer.from(key)),
        keys.toReversed(),
      )
      for (const key of keys) t.strictSame(Buffer.from(store.get(key) ?? []), text('x'))
    })

    t.test('a loop that waits for each of its writes leaves others their turns', async (t) => {
      const store = await open(t)
      let turned = false
      setImmediate(() => {
        turned = true
      })
      for (let count = 0; count < 1000 && !turned; count++) await store.write([put(bytes(1), String(count))])
      t.equal(turned, true)
    })

    t.test('an empty store has nothing', async (t) => {
      const store = await open(t)
      t.equal(store.get(bytes(1)), undefined)
      t.strictSame([...store.range()], [])
      await store.write([])
      await store.write([remove(bytes(1))])
      t.strictSame([...store.range(undefined, undefined, { reverse: true })], [])
    })

    t.test('ranges begin with from, end before to, and have as many as asked for', async (t) => {
      const store = await open(t)
      await store.write(Array.from({ length: 300 }, (_, at) => put(bytes(at >> 8, at & 0xff), String(at))))
      const numbers = (from?: Buffer, to?: Buffer, options = {}) =>
        [...store.range(from, to, options)].map(({ value }) => Number(Buffer.from(value).toString()))
      t.strictSame(numbers(bytes(0, 5), bytes(0, 8)), [5, 6, 7])
      t.strictSame(numbers(bytes(0, 5), bytes(0, 8), { reverse: true }), [7, 6, 5])
      t.strictSame(numbers(bytes(0, 5), bytes(0, 7, 1), { reverse: true }), [7, 6, 5])
      t.strictSame(numbers(bytes(0, 5), bytes(0, 5)), [])
      t.strictSame(numbers(bytes(0, 8), bytes(0, 5)), [])
      t.strictSame(numbers(bytes(0, 8), bytes(0, 5), { reverse: true }), [])
      t.strictSame(numbers(bytes(1, 42)), [298, 299])
      t.strictSame(numbers(undefined, bytes(0, 2)), [0, 1])
      t.strictSame(numbers(bytes(0, 5), undefined, { limit: 0 }), [])
      t.strictSame(numbers(bytes(0, 5), undefined, { limit: 2 }), [5, 6])
      t.strictSame(numbers(undefined, undefined, { limit: 2, reverse: true }), [299, 298])
      const all = Array.from({ length: 300 }, (_, at) => at)
      t.strictSame(numbers(), all)
      t.strictSame(numbers(undefined, undefined, { reverse: true }), all.toReversed())
      t.strictSame(numbers(undefined, undefined, { limit: 130 }), all.slice(0, 130))
      t.strictSame(numbers(bytes(0, 10), bytes(1, 0), { limit: 130, reverse: true }), all.slice(126, 256).toReversed())
    })

    t.test('a range may be changed while it is read', async (t) => {
      const store = await open(t)
      await store.write(Array.from({ length: 300 }, (_, at) => put(bytes(at >> 8, at & 0xff))))
      let read = 0
      for (const { key } of store.range()) {
        read++
        const removed = store.write([remove(key)])
        if (read % 50 === 0) await removed
      }
      t.equal(read, 300)
      await store.write([])
      t.strictSame([...store.range()], [])
    })

    t.test('a batch is one change, the last of a key wins, and buffers may be used again at once', async (t) => {
      const store = await open(t)
      const key = bytes(1)
      const value = text('first')
      const written = store.write([
        { key, value },
        put(bytes(2), 'gone'),
        remove(bytes(2)),
        remove(bytes(3)),
        { key: bytes(3), value: [text('of '), text(''), text('parts')] },
        { key: bytes(4), value: [] },
      ])
      key.fill(9)
      value.fill(9)
      await written
      t.strictSame(texts(store.range()), ['01=first', '03=of parts', '04='])
      const got = store.get(bytes(1)) as Uint8Array
      got.fill(0)
      t.strictSame(texts(store.range(undefined, undefined, { limit: 1 })), ['01=first'])
    })

    t.test('batches of one turn and of many are made in the order of the calls', async (t) => {
      const store = await open(t)
      const order: number[] = []
      const writes = Array.from({ length: 2000 }, async (_, at) => {
        if (at % 7 === 0) await Promise.resolve()
        const mark = order.length
        await store.write([put(bytes(1), String(at)), put(bytes(2, at >> 8, at & 0xff), String(at))])
        order.push(at)
        return mark
      })
      await Promise.all(writes)
      t.equal(order.length, 2000)
      t.equal([...store.range(bytes(2))].length, 2000)
      // those that waited a turn came after all the others, and the last of them is 1995
      t.strictSame(texts(store.range(undefined, bytes(2))), ['01=1995'])
      t.strictSame(order, [...order.filter((at) => at % 7 !== 0), ...order.filter((at) => at % 7 === 0)])
    })

    t.test('values may be large', async (t) => {
      const store = await open(t, 256 * megabyte)
      const large = Buffer.alloc(maxValueBytes, 'rivulet')
      await store.write([{ key: bytes(1), value: large }, put(bytes(2), 'small')])
      t.ok(large.equals(store.get(bytes(1)) as Uint8Array))
      await store.write([{ key: bytes(3), value: [large.subarray(0, 9_000_000), large.subarray(9_000_000)] }])
      t.ok([...store.range()].every(({ key, value }) => key[0] === 2 || large.equals(value)))
      const tooLarge = Buffer.alloc(maxValueBytes + 1)
      t.throws(() => store.write([{ key: bytes(4), value: tooLarge }]), { code: 'RIVULET_INVALID_OPTION' })
    })

    t.test('keys have bounds, and a batch that breaks them writes nothing', async (t) => {
      const store = await open(t)
      for (const key of [Buffer.alloc(0), Buffer.alloc(65)]) {
        t.throws(() => store.write([put(bytes(1)), put(key)]), { code: 'RIVULET_INVALID_OPTION' })
        t.throws(() => store.get(key), { code: 'RIVULET_INVALID_OPTION' })
      }
      await store.write([put(Buffer.alloc(64, 7))])
      t.equal([...store.range()].length, 1)
    })

    t.test('a full store refuses whole batches, and takes others after removals', async (t) => {
      const store = await open(t, 2 * megabyte)
      const value = Buffer.alloc(1000, 1)
      let count = 0
      const fill = async () => {
        for (; ; count += 50) {
          const keys = Array.from({ length: 50 }, (_, at) => bytes(1, (count + at) >> 8, (count + at) & 0xff))
          await store.write(keys.map((key) => ({ key, value })))
        }
      }
      await t.rejects(fill(), { code: 'RIVULET_STORE_FULL', retryable: true })
      t.ok(count > 800 && count < 2200, `${count} records`)
      await t.rejects(store.write([put(bytes(0)), { key: bytes(2), value: Buffer.alloc(megabyte) }]), {
        code: 'RIVULET_STORE_FULL',
      })
      t.equal([...store.range()].length, count)
      t.equal(store.get(bytes(0)), undefined)
      const first = [...store.range(undefined, undefined, { limit: count / 2 })]
      await Promise.all(first.map(({ key }) => store.write([remove(key)])))
      await store.write([{ key: bytes(0), value }])
      t.equal([...store.range()].length, count - first.length + 1)
      const { used, free, limit } = store.usage()
      t.ok(used > 0 && used < limit && free > 0 && free < limit)
      t.equal(limit, 2 * megabyte)
    })

    t.test('close waits for what is under way, and ends the store', async (t) => {
      const folder = temporaryFolder(t)
      const store = await make(folder, megabyte)
      const done: number[] = []
      const write = async (at: number) => {
        await store.write([put(bytes(at), 'x')])
        done.push(at)
      }
      const writes = [write(0), write(1)]
      const closed = store.close()
      t.equal(store.close(), closed)
      await t.rejects(store.write([put(bytes(2))]), { code: 'RIVULET_CLOSED' })
      await closed
      t.strictSame(done, [0, 1])
      await Promise.all(writes)
      t.throws(() => store.get(bytes(1)), { code: 'RIVULET_CLOSED' })
      t.throws(() => [...store.range()], { code: 'RIVULET_CLOSED' })
      t.throws(() => store.usage(), { code: 'RIVULET_CLOSED' })
      if (store.durability === 'memory') return
      const again = await make(folder, megabyte)
      t.strictSame(texts(again.range()), ['00=x', '01=x'])
      await again.close()
    })
  })
}
