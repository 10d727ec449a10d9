/** Waiting until nothing moves any more, where no event says so: messages beside it pass the same thread of the library. */
import { createPull, createPush } from '../../patterns/queue/index.js'
import type { Runtime } from '../../src/runtime/index.js'
import { Job } from './job.js'

/** Messages that must pass without a change. */
const rounds = 25

/** Resolves when a value has not changed while messages went round through the thread that moves all bytes of a runtime. */
export async function whenStill(runtime: Runtime, value: () => unknown): Promise<void> {
  await using push = await createPush({ schema: Job, bind: 'tcp://127.0.0.1:*', runtime })
  await using pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
  const arriving = pull.messages[Symbol.asyncIterator]()
  let last = value()
  for (let still = 0; still < rounds; still++) {
    push.next({ id: still })
    await arriving.next()
    const now = value()
    if (now !== last) still = 0
    last = now
  }
  await arriving.return?.()
}
