/** Those who wait are woken once, in order. */
import t from 'tap'
import { Waiters } from '../../src/lifecycle/index.js'

t.test('all who wait are woken in order; who comes meanwhile waits on', async (t) => {
  const waiters = new Waiters()
  const woken: string[] = []
  waiters.wake()
  t.notOk(waiters.isAny)
  waiters.add(() => {
    woken.push('first')
    waiters.add(() => woken.push('third'))
  })
  waiters.add(() => woken.push('second'))
  const promise = waiters.wait().then(() => woken.push('promise'))
  t.ok(waiters.isAny)
  waiters.wake()
  await promise
  t.strictSame(woken, ['first', 'second', 'promise'])
  t.ok(waiters.isAny)
  waiters.wake()
  t.strictSame(woken, ['first', 'second', 'promise', 'third'])
  t.notOk(waiters.isAny)
})
