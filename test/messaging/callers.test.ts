/** The numbers by which peers ask: one for each, none again for long, and bounded. */
import t from 'tap'
import { Callers } from '../../patterns/messaging/callers.js'
import { defaults } from '../../src/options/index.js'

t.test('each peer of a node has a number of its own, and its successor another one', async (t) => {
  const callers = new Callers()
  t.strictSame([callers.take('a'), callers.take('b')], [1, 2])
  t.strictSame([callers.numberOf('b'), callers.numberOf('c')], [2, 0])
  callers.delete('a')
  t.equal(callers.incarnationOf(1), undefined)
  t.equal(callers.take('c'), 3)
  callers.delete('nobody')
  t.strictSame(
    [2, 3].map((number) => callers.incarnationOf(number)),
    ['b', 'c'],
  )
})

t.test('numbers come again when all were given, those that are in use left out', async (t) => {
  const callers = new Callers()
  callers.take('first')
  const given: number[] = []
  for (let number = 2; number <= 32_767; number++) {
    given.push(callers.take('other'))
    callers.delete('other')
  }
  t.strictSame([given[0], given.at(-1), new Set(given).size], [2, 32_767, 32_766])
  t.equal(callers.take('next'), 2)
  t.equal(callers.incarnationOf(1), 'first')
})

t.test('what another node says replaces what it said, and has a bound', async (t) => {
  const callers = new Callers()
  callers.set(7, 'a')
  callers.set(8, 'a')
  t.strictSame([callers.incarnationOf(7), callers.incarnationOf(8), callers.numberOf('a')], [undefined, 'a', 8])
  callers.set(8, 'b')
  t.strictSame([callers.incarnationOf(8), callers.numberOf('a'), callers.numberOf('b')], ['b', 0, 8])
  for (let number = 1; number <= defaults.maxLinkPeers; number++) callers.set(number, `peer ${number}`)
  callers.set(32_767, 'one too many')
  t.strictSame([callers.numberOf('one too many'), callers.incarnationOf(32_767)], [0, undefined])
  callers.set(9, 'in place of another')
  t.strictSame([callers.incarnationOf(9), callers.numberOf('peer 9')], ['in place of another', 0])
})

t.test('a node with as many peers as others take gives no more numbers', async (t) => {
  const callers = new Callers()
  for (let count = 0; count < defaults.maxLinkPeers; count++) callers.take(`peer ${count}`)
  t.equal(callers.take('one too many'), 0)
  callers.delete('peer 5')
  t.ok(callers.take('again') > 0)
})
