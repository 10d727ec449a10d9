/** A hundred rounds of opening and closing leave no descriptor, no handle, no listener and no resource. */
import { readdirSync } from 'node:fs'
import { firstValueFrom } from 'rxjs'
import t from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport } from '../support/transports.js'

const descriptors = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0)

eachTransport(t, 'a hundred pairs, each with a message', async (t, { runtime, bind }) => {
  const controller = new AbortController()
  const round = async () => {
    const push = await createPush({ schema: Job, bind, runtime, signal: controller.signal })
    const pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
    push.next({ id: 7 })
    t.equal((await firstValueFrom(pull.messages)).id, 7)
    await Promise.all([push.close(), pull.close()])
  }
  for (let count = 0; count < 5; count++) await round()
  const before = descriptors()
  for (let count = 0; count < 100; count++) await round()
  // what the library frees a moment after `close`; where it frees nothing, this waits until the test ends in vain
  await until(() => descriptors() <= before + 40)
  t.equal(runtime.size, 0)
})

t.test('runtimes that come and go', async () => {
  const round = async () => {
    const runtime = createRuntime()
    await createPush({ schema: Job, bind: 'inproc://round', runtime })
    await runtime.close()
  }
  await round()
  const before = descriptors()
  for (let count = 0; count < 50; count++) await round()
  // what the library frees a moment after `close`; where it frees nothing, this waits until the test ends in vain
  await until(() => descriptors() <= before + 40)
})
