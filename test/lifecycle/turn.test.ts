/** The end of a turn: after its promise jobs, before everything else, once. */
import t from 'tap'
import { atEndOfTurn, endTurn } from '../../src/lifecycle/index.js'

t.test('a turn ends after the promise jobs that it queued and those that they queue', async (t) => {
  const order: string[] = []
  const ended = new Promise<void>((resolve) => {
    atEndOfTurn(() => {
      order.push('end')
      resolve()
    })
  })
  setImmediate(() => order.push('immediate'))
  void Promise.resolve().then(() => {
    order.push('job')
    void Promise.resolve()
      .then(() => order.push('job of a job'))
      .then(() => order.push('and its own'))
  })
  await ended
  t.strictSame(order, ['job', 'job of a job', 'and its own', 'end'])
})

t.test('all callbacks of a turn are called, in order, and once', async (t) => {
  const called: number[] = []
  const ended = new Promise<void>((resolve) => {
    atEndOfTurn(() => called.push(1))
    atEndOfTurn(() => called.push(2))
    atEndOfTurn(resolve)
  })
  await ended
  t.notOk(endTurn(), 'nothing waits any more')
  t.strictSame(called, [1, 2])
})

t.test('a turn can be ended by hand', async (t) => {
  const called: string[] = []
  t.notOk(endTurn())
  atEndOfTurn(() => {
    called.push('first')
    atEndOfTurn(() => called.push('of the next turn'))
  })
  t.ok(endTurn())
  t.strictSame(called, ['first'])
  t.ok(endTurn(), 'what a callback asks for belongs to a turn of its own')
  t.strictSame(called, ['first', 'of the next turn'])
  await new Promise(setImmediate)
  t.strictSame(called, ['first', 'of the next turn'], 'nothing is called twice')
})
