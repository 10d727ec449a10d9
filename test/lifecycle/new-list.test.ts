/** Lists that are new are young, however long those of the same place have lived before. */
import { setFlagsFromString } from 'node:v8'
import { runInThisContext } from 'node:vm'
import t from 'tap'
import { newList } from '../../src/lifecycle/index.js'

setFlagsFromString('--allow-natives-syntax')
const isYoung = runInThisContext('(object) => %InYoungGeneration(object)') as (object: object) => boolean

const writers = 30_000

t.test('a place whose first lists have lived long makes young lists', (t) => {
  growYoungSpace()
  const lists = Array.from({ length: writers }, () => newList<number>())
  growYoungSpace() // the lists outlive some collections
  let old = 0
  for (let i = 0; i < 20 * writers; i++) {
    const at = i % writers
    const list = newList<number>()
    list.push(i)
    lists[at] = list
    if (i > 10 * writers && !isYoung(list)) old += 1
  }
  t.equal(old, 0)
  t.end()
})

/** The engine decides where to make objects when its young space has its full size. */
function growYoungSpace(): void {
  let kept: object[] = []
  for (let round = 0; round < 40; round++) kept = Array.from({ length: 40_000 }, (_, i) => ({ at: i, in: { round } }))
  t.equal(kept.length, 40_000)
}
