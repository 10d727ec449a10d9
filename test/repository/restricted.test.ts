/**
 * Processes that Node restricts, as the page of installation describes them: no code from strings, and the permission model.
 *
 * The built package runs in a process with the flags: a queue and a call work, a store on disk is refused with a code.
 */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { build, root } from '../../tools/build.js'
import { run } from '../child-process.js'

const timeoutMs = 60_000
const [major = 0] = process.versions.node.split('.').map(Number)
const permission = major < 23 ? '--experimental-permission' : '--permission'

const program = `
import { defineSchema, defineService, record } from 'rivulet/avro'
import { createPull, createPush, createQueueHost } from 'rivulet/queue'
import { createRpcClient, createRpcServer, implement } from 'rivulet/rpc'
import { firstValueFrom } from 'rxjs'

const Job = defineSchema(record('Job', { id: 'int' }))
const push = await createPush({ schema: Job, bind: 'tcp://127.0.0.1:*' })
const pull = await createPull({ schema: Job, connect: push.endpoint })
const first = firstValueFrom(pull.messages)
await push.send({ id: 7 })
console.log('queue', (await first).id)

const message = { request: [{ name: 'a', type: 'int' }], response: 'int' }
const Sums = defineService({ protocol: 'Sums', messages: { next: message } })
const server = await createRpcServer({ bind: 'tcp://127.0.0.1:*', services: [implement(Sums, { next: ({ a }) => a + 1 })] })
const sums = await createRpcClient(Sums, { connect: server.endpoint })
console.log('call', await sums.promises.next({ a: 1 }))

const memory = await createQueueHost({ store: 'memory', queues: { jobs: {} } })
console.log('host', memory.status)
const failed = await createQueueHost({ path: process.argv[2], queues: { jobs: {} } }).catch((error) => error)
console.log('store', failed.code ?? failed.status)
for (const one of [pull, push, sums, server, memory]) await one.close()
if (failed.close) await failed.close()
`

t.before(build)

t.test('a restricted process has everything but stores on disk', async (t) => {
  const folder = t.testdir({ 'program.mjs': program, node_modules: {} })
  symlinkSync(root, join(folder, 'node_modules', 'rivulet'), 'dir')
  symlinkSync(join(root, 'node_modules', 'rxjs'), join(folder, 'node_modules', 'rxjs'), 'dir')
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  const granted = [permission, '--allow-fs-read=*', '--allow-fs-write=*', '--allow-addons']
  const ways: ReadonlyArray<readonly [name: string, flags: readonly string[], store: string]> = [
    ['unrestricted', [], 'open'],
    ['no code from strings', ['--disallow-code-generation-from-strings'], 'RIVULET_STORE_FAILED'],
    ['permissions', granted, 'RIVULET_STORE_FAILED'],
  ]
  mkdirSync(join(folder, 'stores'))
  for (const [name, flags, store] of ways) {
    const path = join(folder, 'stores', name.replaceAll(' ', '-'))
    const args = ['--no-warnings', ...flags, 'program.mjs', path]
    const ended = await run(process.execPath, args, { cwd: folder, timeoutMs })
    t.equal(ended.stdout, `queue 7\ncall 2\nhost open\nstore ${store}\n`, `${name}: ${ended.stderr}`)
    t.equal(ended.code, 0, name)
  }
})
