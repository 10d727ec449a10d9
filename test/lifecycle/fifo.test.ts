/** A queue in memory is an array to who looks at it, at constant cost. */
import fc from 'fast-check'
import t from 'tap'
import { Fifo } from '../../src/lifecycle/index.js'

t.test('it does what an array does, by any sequence of calls', async (t) => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 9 }) },
    { weight: 5, arbitrary: fc.constant('shift' as const) },
    { weight: 1, arbitrary: fc.constant('withdraw' as const) },
    { weight: 1, arbitrary: fc.constant('clear' as const) },
  )
  const property = fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const fifo = new Fifo<number>()
    let model: number[] = []
    for (const one of steps) {
      if (one === 'shift') {
        if (fifo.shift() !== model.shift()) return false
      } else if (one === 'withdraw') {
        const isMeant = (item: number): boolean => item % 3 === 0
        if (`${fifo.withdraw(isMeant)}` !== `${model.filter(isMeant)}`) return false
        model = model.filter((item) => !isMeant(item))
      } else if (one === 'clear') {
        fifo.clear()
        model = []
      } else {
        fifo.push(one)
        model.push(one)
      }
      if (fifo.length !== model.length || fifo.first !== model[0]) return false
    }
    return model.every((item, at) => [...fifo][at] === item)
  })
  fc.assert(property)
  t.pass()
})

t.test('many that wait cost no more each than few', async (t) => {
  const fifo = new Fifo<number>()
  for (let item = 0; item < 200_000; item++) fifo.push(item)
  let sum = 0
  for (let item = fifo.shift(); item !== undefined; item = fifo.shift()) {
    sum += item
    if (item < 100_000) fifo.push(100_000)
  }
  t.equal(sum, (200_000 * 199_999) / 2 + 100_000 ** 2)
  t.equal(fifo.length, 0)
})
