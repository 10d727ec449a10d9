/** What errors of calls and their resources tell: the cause that the caller can see to. */
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { place } from '../support/transports.js'
import { failure, Lab, openServer, plainHandlers } from './lab.js'

t.test('a call that never had a server says so', async (t) => {
  const { runtime } = place(t, 'tcp')
  const client = await createRpcClient(Lab, { connect: 'tcp://127.0.0.1:9', runtime })
  client.errors.subscribe()
  t.match(await failure(client.promises.get({ id: 1 }, { timeoutMs: 20 })), {
    code: 'RIVULET_DEADLINE_EXCEEDED',
    executed: 'no',
    message: 'Lab.get: its deadline passed while it waited for a server: no server is connected',
  })
})

t.test('a call that a server holds says no more than that', async (t) => {
  const at = place(t, 'tcp')
  const server = await openServer(at, { get: () => new Promise(() => {}) })
  const client = await createRpcClient(Lab, { connect: server.endpoint, runtime: at.runtime })
  t.match(await failure(client.promises.get({ id: 1 }, { timeoutMs: 200 })), {
    code: 'RIVULET_DEADLINE_EXCEEDED',
    message: 'test.Lab.get: its deadline passed',
  })
})

t.test('servers bind and clients connect', async (t) => {
  const services = [implement(Lab, plainHandlers)]
  t.match(await failure(createRpcServer({ services } as never)), {
    code: 'RIVULET_INVALID_OPTION',
    message: 'createRpcServer: bind must be given, with at least one endpoint',
  })
  t.match(await failure(createRpcClient(Lab, {} as never)), {
    code: 'RIVULET_INVALID_OPTION',
    message: 'createRpcClient: connect must be given, with at least one endpoint',
  })
})

t.test('an ipc endpoint in a folder that is missing', async (t) => {
  const folder = join(tmpdir(), `missing-${randomUUID()}`)
  const services = [implement(Lab, plainHandlers)]
  t.match(await failure(createRpcServer({ services, bind: `ipc://${folder}/a` })), {
    code: 'RIVULET_BIND_FAILED',
    message: `its folder ${folder} does not exist; make the folder first`,
  })
})
