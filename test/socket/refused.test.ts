/** What the system refuses becomes a code that says what to do: taken addresses, too many sockets. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { firstValueFrom } from 'rxjs'
import t, { type Test } from 'tap'
import { createPull, createPush, type Push } from '../../patterns/queue/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport } from '../support/transports.js'

eachTransport(t, 'an address that is taken', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime })
  push.errors.subscribe()
  const second = createPull({ schema: Job, bind: push.endpoint, runtime })
  await t.rejects(second, { code: 'RIVULET_BIND_FAILED', retryable: true, cause: { code: 'EADDRINUSE' } })
  t.equal(runtime.size, 1)
  t.equal(push.status, 'open')
  const pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
  const got = firstValueFrom(pull.messages)
  await push.send({ id: 1 })
  t.match(await got, { id: 1 }, 'who has it keeps it')
})

/** A folder for one test. */
function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

/** A program that leaves its socket behind. */
const leaving = (path: string) =>
  `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`

t.test('of the files at an ipc path only the socket of a process that was killed is replaced', async (t) => {
  const folder = folderOf(t)
  writeFileSync(join(folder, 'precious'), 'text')
  await t.rejects(createPush({ schema: Job, bind: `ipc://${folder}/precious` }), {
    code: 'RIVULET_BIND_FAILED',
    cause: { code: 'EEXIST' },
  })
  t.equal(readFileSync(join(folder, 'precious'), 'utf8'), 'text')
  const left = join(folder, 'left')
  spawnSync(process.execPath, ['-e', leaving(left)])
  t.ok(lstatSync(left).isSocket())
  const push = await createPush({ schema: Job, bind: `ipc://${left}` })
  t.equal(push.status, 'open')
  await push.close()
})

/** A process that listens on a path and does nothing else. */
async function listener(t: Test, path: string): Promise<ChildProcess> {
  const code = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('listens'))`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

/** Connections of a Unix-domain socket, its listener included. */
const socketsAt = (path: string) =>
  readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .filter((line) => line.endsWith(path)).length

const onlyLinux = process.platform === 'linux' ? {} : { skip: 'reads the connections of a path from /proc' }

t.test('the path of a process that is being ended is free as soon as it has ended', onlyLinux, async (t) => {
  const path = join(folderOf(t), 'ending')
  const child = await listener(t, path)
  child.kill('SIGSTOP') // as one that is slow to end, it takes connections and answers none
  const opening = createPush({ schema: Job, bind: `ipc://${path}` })
  await until(() => socketsAt(path) > 1)
  child.kill('SIGKILL')
  const push = await opening
  t.equal(push.status, 'open')
  await push.close()
})

t.test('the path of a process that is stopped is in use', async (t) => {
  const path = join(folderOf(t), 'stopped')
  const child = await listener(t, path)
  child.kill('SIGSTOP')
  const opening = createPush({ schema: Job, bind: `ipc://${path}` })
  await t.rejects(opening, { code: 'RIVULET_BIND_FAILED', retryable: true, cause: { code: 'EADDRINUSE' } })
})

t.test('a relative path that is a number is no port', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const before = process.cwd()
  process.chdir(folderOf(t))
  t.teardown(() => process.chdir(before))
  const left = spawnSync(process.execPath, ['-e', leaving(`./${port}`)])
  t.equal(left.signal, 'SIGKILL', String(left.stderr))
  const push = await createPush({ schema: Job, bind: `ipc://${port}` })
  t.equal(push.status, 'open')
  await push.close()
})

t.test('addresses that cannot be', async (t) => {
  const cases = ['tcp://192.0.2.1:*', 'tcp://no-such-interface:5000', 'ipc:///no/such/folder/socket']
  for (const bind of cases) {
    await t.rejects(createPush({ schema: Job, bind, insecure: true }), { code: 'RIVULET_BIND_FAILED' }, bind)
  }
})

t.test('all that was bound is free again if one of several fails', async (t) => {
  const runtime = createRuntime()
  t.teardown(() => runtime.close())
  const probe = await createPush({ schema: Job, bind: ['tcp://127.0.0.1:*', 'inproc://one'], runtime })
  t.equal(probe.endpoints.length, 2)
  await probe.close()
  const bind = [...probe.endpoints, 'tcp://192.0.2.1:*']
  await t.rejects(createPush({ schema: Job, bind, runtime, insecure: true }), { code: 'RIVULET_BIND_FAILED' })
  const push = await createPush({ schema: Job, bind: probe.endpoints, runtime })
  t.strictSame(push.endpoints, probe.endpoints)
})

t.test('a runtime without sockets left', async (t) => {
  const runtime = createRuntime({ maxSockets: 8 })
  t.teardown(() => runtime.close())
  const open: Push<{ id: number }>[] = []
  const fill = async () => {
    for (;;) open.push(await createPush({ schema: Job, bind: 'tcp://127.0.0.1:*', runtime }))
  }
  await t.rejects(fill(), { code: 'RIVULET_TOO_MANY_SOCKETS', retryable: true, cause: { code: 'EMFILE' } })
  t.ok(open.length >= 2 && open.length <= 4, 'a resource takes two')
  t.equal(runtime.size, open.length)
  t.strictSame(
    open.map(({ status }) => status),
    open.map(() => 'open'),
    'those that are open stay so',
  )
  const other = await createPush({ schema: Job, bind: 'tcp://127.0.0.1:*' })
  t.equal(other.status, 'open', 'another runtime has its own')
  await other.close()
})
