/** Positions in order: the same as a sorted array, whatever is added and removed. */
import fc from 'fast-check'
import t from 'tap'
import { PositionList } from '../../patterns/pubsub/position-list.js'

t.test('it is a sorted array', async (t) => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('push' as const), by: fc.integer({ min: 1, max: 50 }) }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('insert' as const), at: fc.integer({ min: 1, max: 1000 }) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('run' as const), at: fc.integer({ min: 1, max: 1000 }) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('shift' as const), count: fc.integer({ min: 1, max: 9 }) }) },
  )
  const property = fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const list = new PositionList()
    let plain: number[] = []
    let removed = 0
    const insert = (position: number) => {
      if (plain.includes(position)) return
      list.insert(position)
      plain = [...plain, position].sort((one, other) => one - other)
    }
    for (const one of steps) {
      if (one.kind === 'push') {
        const position = (plain.at(-1) ?? 0) + one.by
        list.push(position)
        plain.push(position)
      } else if (one.kind === 'insert') {
        insert(one.at)
      } else if (one.kind === 'run') {
        for (let position = one.at; position < one.at + 20; position++) insert(position)
      } else {
        for (let n = 0; n < one.count && plain.length > 0; n++) {
          list.shift()
          plain.shift()
          removed += 1
        }
      }
      const listed = Array.from({ length: list.length }, (_, index) => list.at(index))
      const at = plain.findIndex((position) => position >= 500)
      const isSame = listed.length === plain.length && listed.every((position, index) => position === plain[index])
      if (!isSame || list.removed !== removed) return false
      if (list.at(-1) !== undefined || list.at(plain.length) !== undefined) return false
      if (list.firstFrom(500) !== (at < 0 ? plain.length : at)) return false
    }
    return true
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }))
})
