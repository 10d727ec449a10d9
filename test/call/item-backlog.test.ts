/** The packed backlog: what goes in comes out, in bounded memory, whatever the sizes. */
import fc from 'fast-check'
import t from 'tap'
import { BacklogBudget, ItemBacklog, maxEmptyItems } from '../../src/call/item-backlog.js'

const shift = (backlog: ItemBacklog): Buffer => {
  const { bytes, start } = backlog
  return Buffer.from(bytes.subarray(start, backlog.shift()))
}

t.test('first in, first out, by any interleaving', async (t) => {
  const step = fc.oneof(fc.uint8Array({ maxLength: 3000 }), fc.constant('shift' as const))
  const property = fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
    const backlog = new ItemBacklog(new BacklogBudget(Number.POSITIVE_INFINITY))
    const model: Buffer[] = []
    for (const item of steps) {
      if (item !== 'shift') {
        const frame = Buffer.concat([Buffer.from('before'), item, Buffer.from('after')])
        backlog.push(frame, 6, 6 + item.length)
        frame.fill(0xff)
        model.push(Buffer.from(item))
      } else if (model.length > 0) {
        if (!shift(backlog).equals(model.shift() as Buffer)) return false
      }
      if (backlog.length !== model.length) return false
    }
    return model.every((item) => shift(backlog).equals(item)) && backlog.length === 0
  })
  fc.assert(property, { numRuns: 200 })
  t.pass()
})

t.test('a backlog that is never empty does not grow', async (t) => {
  const backlog = new ItemBacklog(new BacklogBudget(Number.POSITIVE_INFINITY))
  const item = Buffer.alloc(24, 1)
  for (let i = 0; i < 100; i++) backlog.push(item, 0, 24)
  for (let i = 0; i < 100_000; i++) {
    backlog.push(item, 0, 24)
    shift(backlog)
  }
  t.ok(backlog.bytes.length <= 8 * 100 * 24, `${backlog.bytes.length} bytes`)
  t.equal(backlog.length, 100)
})

t.test('the memory of a large backlog goes when it is empty', async (t) => {
  const backlog = new ItemBacklog(new BacklogBudget(Number.POSITIVE_INFINITY))
  const large = Buffer.alloc(1_000_000)
  backlog.push(large, 0, large.length)
  t.ok(backlog.bytes.length >= large.length)
  t.equal(shift(backlog).length, large.length)
  t.equal(backlog.bytes.length, 0)
  backlog.push(large, 0, 10)
  backlog.clear()
  t.equal(backlog.length, 0)
})

t.test('two items of a whole frame take the same memory again', async (t) => {
  const backlog = new ItemBacklog(new BacklogBudget(Number.POSITIVE_INFINITY))
  const item = Buffer.alloc(65_000)
  const memory = [0, 1, 2].map(() => {
    backlog.push(item, 0, 65_000)
    backlog.push(item, 0, 64_000)
    const { bytes } = backlog
    t.equal(shift(backlog).length, 65_000)
    t.equal(shift(backlog).length, 64_000)
    return bytes
  })
  t.ok(memory.every((bytes) => bytes === memory[0]))
})

t.test('an empty backlog of small items holds no memory, and others take what it had', async (t) => {
  const backlogs = Array.from({ length: 3 }, () => new ItemBacklog(new BacklogBudget(Number.POSITIVE_INFINITY)))
  const used = new Set<Buffer>()
  for (const backlog of backlogs) {
    backlog.push(Buffer.from('item'), 0, 4)
    used.add(backlog.bytes)
    t.equal(shift(backlog).toString(), 'item')
    t.equal(backlog.bytes.length, 0)
  }
  t.equal(used.size, 1)
  const [one, other] = backlogs as [ItemBacklog, ItemBacklog]
  one.push(Buffer.from('one'), 0, 3)
  other.push(Buffer.from('two'), 0, 3)
  t.not(one.bytes, other.bytes)
  t.strictSame([shift(one).toString(), shift(other).toString()], ['one', 'two'])
})

t.test('items without a byte have a bound of their own', async (t) => {
  const backlog = new ItemBacklog(new BacklogBudget(Number.POSITIVE_INFINITY))
  const none = Buffer.alloc(1)
  let taken = 0
  for (let i = 0; i < maxEmptyItems; i++) if (backlog.push(none, 0, 0)) taken += 1
  t.equal(taken, maxEmptyItems)
  t.notOk(backlog.push(none, 0, 0))
  t.ok(backlog.push(none, 0, 1), 'others may still come')
  t.equal(shift(backlog).length, 0)
  t.ok(backlog.push(none, 0, 0))
})

t.test('the backlogs of one peer share what they may hold', async (t) => {
  const budget = new BacklogBudget(100)
  const [one, other] = [new ItemBacklog(budget), new ItemBacklog(budget)]
  const bytes = Buffer.alloc(200)
  t.ok(one.push(bytes, 0, 60))
  t.notOk(other.push(bytes, 0, 41), 'together they are too large')
  t.ok(other.push(bytes, 0, 40))
  shift(one)
  t.ok(other.push(bytes, 0, 60), 'what was taken makes room')
  other.clear()
  t.ok(one.push(bytes, 0, 200), 'one item always fits')
  t.notOk(other.push(bytes, 0, 1))
  one.clear()
  t.ok(other.push(bytes, 0, 1))
})
