/** A runtime that closes while each of its resources opens: it closes, and the resource is closed, or was never opened. */
import t from 'tap'
import { isRivuletError } from '../../src/errors/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { turn } from '../support/events.js'
import { everyName, everyResource } from '../support/every-resource.js'

/** Turns of promises, and after them of the event loop, from the call of the factory to that of `close`. */
const moments = [
  [0, 0],
  [1, 0],
  [2, 0],
  [3, 0],
  [5, 0],
  [8, 0],
  [0, 1],
  [0, 2],
] as const

for (const name of everyName) {
  t.test(name, async (t) => {
    for (const [promises, turns] of moments) {
      const runtime = createRuntime()
      const open = await everyResource[name](runtime)
      const opening = open().catch((error: unknown) => error)
      for (let count = 0; count < promises; count++) await undefined
      for (let count = 0; count < turns; count++) await turn()
      await runtime.close({ timeoutMs: 200 })
      t.equal(runtime.status, 'closed')
      t.equal(runtime.size, 0)
      const opened = await opening
      if (isRivuletError(opened)) t.equal(opened.code, 'RIVULET_CLOSED')
      else await (opened as { whenClosed: Promise<void> }).whenClosed
    }
  })
}
