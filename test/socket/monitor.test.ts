/** What a monitor brings in one turn of the event loop. */
import t from 'tap'
import { systemClock } from '../../src/clock/index.js'
import { Monitor } from '../../src/socket/monitor.js'
import type { MonitorEvent, NativeObserver, NativeSocket } from '../../src/socket/native.js'

t.test('failures to accept, which come without end, leave most of each turn to others', async (t) => {
  const total = 5000
  let [received, ofTurn, most] = [0, 0, 0]
  const observer = {
    receive: async () => (++received <= total ? { type: 'accept:error' } : { type: 'end' }) as MonitorEvent,
  }
  const ended = new Promise<void>((resolve) => {
    const handlers = {
      event() {
        most = Math.max(most, ++ofTurn)
      },
      failed: (error: unknown) => t.fail(String(error)),
      ended: resolve,
    }
    const monitor = new Monitor({} as NativeSocket, systemClock, handlers, () => observer as NativeObserver)
    const nextTurn = () => {
      ofTurn = 0
      if (received <= total) setImmediate(nextTurn)
      else void monitor.close([])
    }
    setImmediate(nextTurn)
  })
  await ended
  t.ok(most <= 200, `${most} in one turn`)
})
