/** A monitor is made when its endpoint is free again, and other failures are not waited for. */
import t from 'tap'
import { whenReleased } from '../../src/socket/taken-endpoint.js'

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

t.test('another failure is thrown at once', async (t) => {
  let tries = 0
  const create = () => {
    tries += 1
    throw failure('EMFILE')
  }
  t.throws(() => whenReleased(create), { code: 'EMFILE' })
  t.equal(tries, 1)
})
