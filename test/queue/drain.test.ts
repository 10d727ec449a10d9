/**
 * Everything that was sent before an orderly `close` arrives, also when the process of the producer ends right after.
 *
 * Not over ipc, as `docs/patterns/queue.md` says: libzmq drops what a slow worker has not read when a Unix socket is closed.
 */
import t from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { loader, modulePath, run } from '../child-process.js'
import { firstFew } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'

const count = 20_000
const producer = modulePath('test/queue/producer.ts')

/** Whether these are all of them, in order. */
function inOrder(ids: readonly number[]): boolean {
  return ids.length === count && ids.every((id, index) => id === index)
}

t.test('twenty thousand messages of another process, which closes and ends', async (t) => {
  const places = [place(t, 'tcp'), place(t, 'tcp')]
  const pulls = await Promise.all(places.map(({ runtime, bind }) => createPull({ schema: Job, bind, runtime })))
  const arriving = pulls.map((pull) => firstFew(pull.messages, count))
  const args = [...loader, producer, String(count), ...pulls.map(({ endpoint }) => endpoint)]
  const ended = await run(process.execPath, args, { cwd: process.cwd(), timeoutMs: 60_000 })
  t.match(ended, { code: 0, stdout: '0\n0\n', stderr: '' })
  for (const [index, seen] of (await Promise.all(arriving)).entries()) {
    t.ok(inOrder(seen.map(({ id }) => id)), places[index]?.transport ?? '')
  }
})

eachTransport(
  t,
  'twenty thousand messages, closed while the worker is slow',
  async (t, { runtime, bind }) => {
    const pull = await createPull({ schema: Job, bind, runtime })
    const push = await createPush({ schema: Job, connect: pull.endpoint, runtime })
    const sending = (async () => {
      for (const job of jobs(count)) await push.send(job)
      // as long as a busy machine needs
      return push.close({ timeoutMs: 100_000 })
    })()
    const seen: number[] = []
    for await (const { id } of pull.messages) {
      if (id % 1000 === 0) await new Promise(setImmediate)
      if (seen.push(id) === count) break
    }
    t.ok(inOrder(seen))
    t.strictSame(await sending, { undelivered: 0 })
    t.match(push.stats(), { accepted: count, sent: count, pending: 0, dropped: {} })
  },
  ['tcp', 'inproc'],
)
