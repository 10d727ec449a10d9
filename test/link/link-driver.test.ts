/** What a link driver gives the frames that its machine holds: a share of the turn each, but one for those that go together. */
import t from 'tap'
import { systemClock } from '../../src/clock/index.js'
import { turnBudget } from '../../src/lifecycle/index.js'
import { LinkDriver } from '../../src/link/link-driver.js'
import type { RouterSocket } from '../../src/socket/index.js'

t.test('a share of the turn for each frame, and one for frames that share it', async (t) => {
  const steps: string[] = []
  const shares = [false, true, true, false, true, false]
  t.capture(turnBudget, 'beginShare', () => steps.push('share'))
  await new Promise<void>((resolve) => {
    class Driver extends LinkDriver<RouterSocket> {
      readonly settled = false
      protected readonly machine = {
        tick() {},
        held: { size: shares.length, mayReceive: true, continuesShare: false },
        takeRest() {
          const { size } = this.held
          this.held = { size: size - 1, mayReceive: true, continuesShare: shares.shift() === true }
          steps.push('taken')
          if (size === 1) resolve()
          return size === 1
        },
      }
      begin(): void {
        this.taken()
      }
    }
    new Driver(systemClock).begin()
  })
  t.equal(steps.join(' '), 'share taken share taken taken taken share taken taken')
})
