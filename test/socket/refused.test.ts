/** What the system refuses becomes a code that says what to do: taken addresses, too many sockets. */
import t from 'tap'
import { createPull, createPush, type Push } from '../../patterns/queue/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { Job } from '../support/job.js'
import { eachTransport } from '../support/transports.js'

eachTransport(
  t,
  'an address that is taken',
  async (t, { runtime, bind }) => {
    const push = await createPush({ schema: Job, bind, runtime })
    const second = createPull({ schema: Job, bind: push.endpoint, runtime })
    await t.rejects(second, { code: 'RIVULET_BIND_FAILED', retryable: true, cause: { code: 'EADDRINUSE' } })
    t.equal(runtime.size, 1)
    t.equal(push.status, 'open')
  },
  // libzmq takes the file of an ipc endpoint away from whoever has it
  ['inproc', 'tcp'],
)

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
