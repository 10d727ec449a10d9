/** The end of a turn: after its promise jobs, before everything else, once. */
import t from 'tap'
import { atEndOfTurn, endTurn, flushTurnThen } from '../../src/lifecycle/index.js'

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
  endTurn()
  t.strictSame(called, [1, 2])
})

t.test('a turn can be ended by hand', async (t) => {
  const called: string[] = []
  endTurn()
  atEndOfTurn(() => {
    called.push('first')
    atEndOfTurn(() => called.push('of the next turn'))
  })
  endTurn()
  t.strictSame(called, ['first'])
  endTurn()
  t.strictSame(called, ['first', 'of the next turn'], 'what a callback asks for belongs to a turn of its own')
  await new Promise(setImmediate)
  t.strictSame(called, ['first', 'of the next turn'], 'nothing is called twice')
})

t.test('a read loop whose message led to something goes on at once', async (t) => {
  const order: string[] = []
  await Promise.resolve() // as in a read loop: in a promise job
  atEndOfTurn(() => order.push('what the message led to'))
  flushTurnThen(() => order.push('loop'))
  t.strictSame(order, ['what the message led to', 'loop'])
})

t.test('read loops whose messages led to nothing yet end the turn behind the promise jobs', async (t) => {
  const order: string[] = []
  await Promise.resolve()
  void Promise.resolve().then(() => {
    order.push('job')
    atEndOfTurn(() => order.push('what the job led to'))
    return Promise.resolve().then(() => order.push('job of the job'))
  })
  const loops = ['one loop', 'another'].map((name) => {
    return new Promise<void>((resolve) => {
      flushTurnThen(() => {
        order.push(name)
        resolve()
      })
    })
  })
  t.strictSame(order, [])
  await Promise.all(loops)
  t.strictSame(order, ['job', 'job of the job', 'what the job led to', 'one loop', 'another'])
})
