/** A monitor is made when its endpoint is free again, and what a signal interrupts is done; other failures are thrown at once. */
import t from 'tap'
import { uninterrupted, whenReleased } from '../../src/socket/try-again.js'

function failure(code: string): Error {
  return Object.assign(new Error(code), { code })
}

t.test('an endpoint that is taken for a moment is waited for', async (t) => {
  let tries = 0
  const monitor = whenReleased(() => {
    tries += 1
    if (tries < 4) throw failure('EADDRINUSE')
    return 'a monitor'
  })
  t.equal(monitor, 'a monitor')
  t.equal(tries, 4)
})

t.test('one that is never free is given up', async (t) => {
  let tries = 0
  const create = () => {
    tries += 1
    throw failure('EADDRINUSE')
  }
  t.throws(() => whenReleased(create), { code: 'EADDRINUSE' })
  t.ok(tries > 1)
})

t.test('what a signal interrupts is tried again, as often as signals come', async (t) => {
  let tries = 0
  const connect = () => {
    tries += 1
    if (tries < 100) throw failure('EINTR')
  }
  uninterrupted(connect)
  t.equal(tries, 100)
})

t.test('another failure is thrown at once', async (t) => {
  for (const repeat of [whenReleased, uninterrupted]) {
    let tries = 0
    const create = () => {
      tries += 1
      throw failure('EMFILE')
    }
    t.throws(() => repeat(create), { code: 'EMFILE' })
    t.equal(tries, 1)
  }
})
