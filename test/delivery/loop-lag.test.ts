/** How a consumer knows that its own event loop was blocked: by how late it looks at its leases. */
import t from 'tap'
import { LoopLag } from '../../src/delivery/loop-lag.js'

t.test('a block counts from half a lease on, for leases that began before its end', async (t) => {
  const lag = new LoopLag()
  t.equal(lag.blockedSince(0, 1e9, 1000), 0, 'no look is due')
  lag.expect(250)
  t.equal(lag.blockedSince(0, 749, 1000), 0)
  t.equal(lag.blockedSince(0, 750, 1000), 500, 'while it lasts')
  t.equal(lag.checked(749, 1000), false)
  t.strictSame([lag.isDue(998), lag.isDue(999)], [false, true], 'a quarter of a lease later')
  lag.expect(1000)
  t.equal(lag.checked(4000, 1000), true)
  lag.expect(4250)
  t.equal(lag.checked(4251, 1000), false)
  t.equal(lag.blockedSince(3999, 4300, 1000), 3000)
  t.equal(lag.blockedSince(4000, 4300, 1000), 0)
  lag.expect(5000)
  lag.expect(Number.POSITIVE_INFINITY)
  t.equal(lag.blockedSince(4000, 9000, 1000), 0)
})
