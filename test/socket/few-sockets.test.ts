/** The most sockets of a runtime, and of a process: what has none left is refused, and everything else stays as it was. */
import t from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { complaint, loader, modulePath, moduleUrl, run, runModule } from '../child-process.js'
import { turn } from '../support/events.js'
import { Job } from '../support/job.js'

const program = [process.execPath, ...loader, modulePath('test/socket/few-sockets-process.ts')]
const options = { cwd: process.cwd(), timeoutMs: 60_000 }

t.test('a resource without a socket is refused at once, and the others continue', async (t) => {
  const limits = [12, 13, 14, 15, 16, 17]
  const ended = await run('env', [...program, ...limits.map(String)], options)
  t.equal(complaint(ended), undefined)
  const lines = ended.stdout.trimEnd().split('\n')
  t.equal(lines.length, limits.length)
  for (const line of lines) t.match(line, /^\d+ [1-9] RIVULET_TOO_MANY_SOCKETS$/)
})

t.test('the same with few files of the process', async (t) => {
  for (const descriptors of [128, 129]) {
    const ended = await run('sh', ['-c', `ulimit -n ${descriptors} && exec "$@"`, 'sh', ...program], options)
    t.equal(complaint(ended), undefined)
    t.match(ended.stdout, /^[1-9]\d* RIVULET_TOO_MANY_SOCKETS\n$/, `${descriptors} descriptors`)
  }
})

t.test('closed sockets leave their room, in the main thread and in a worker thread', async (t) => {
  const url = (path: string) => JSON.stringify(moduleUrl(path))
  const rounds = `
const { createPull, createPush } = await import(${url('patterns/queue/index.ts')})
const { createRuntime } = await import(${url('src/runtime/index.ts')})
const { defineSchema } = await import(${url('src/avro/index.ts')})
const schema = defineSchema('int')
const runtime = createRuntime({ maxSockets: 90 })
for (let round = 0; round < 60; round++) {
  const push = await createPush({ schema, bind: 'tcp://127.0.0.1:*', runtime })
  const pull = await createPull({ schema, connect: push.endpoint, runtime })
  if (round % 2 === 0) pull.unref()
  await push.close({ drain: false })
  await pull.close()
}
await runtime.close()
console.log('closed')`
  const text = `
import { Worker } from 'node:worker_threads'
new Worker(${JSON.stringify(rounds)}, { eval: true })
${rounds}`
  const ended = await runModule(text, process.cwd(), ...loader)
  t.equal(complaint(ended), undefined)
  t.equal(ended.stdout, 'closed\nclosed\n')
})

t.test('peers of the same process leave their room, although the other side does nothing', async (t) => {
  const runtime = createRuntime({ maxSockets: 30 })
  t.teardown(() => runtime.close({ drain: false }))
  const [connect, bind] = ['inproc://idle-push', 'inproc://idle-pull']
  await createPush({ schema: Job, bind: connect, runtime })
  await createPull({ schema: Job, bind, runtime })
  const openings = [
    () => createPull({ schema: Job, connect, runtime }),
    () => createPush({ schema: Job, connect: bind, runtime }),
  ]
  for (const open of openings) {
    // the library takes a moment: as long as there is no room, it is tried again
    for (let closed = 0; closed < 30; await turn()) {
      const peer = await open().catch((error: unknown) => t.match(error, { code: 'RIVULET_TOO_MANY_SOCKETS' }))
      if (typeof peer === 'boolean') continue
      await peer.close()
      closed += 1
    }
  }
})
