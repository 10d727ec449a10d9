/** Methods may have any name that no public member of a client has; those that one has are in `calls` and `promises`. */
import { firstValueFrom } from 'rxjs'
import t from 'tap'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { defineService } from '../../src/avro/index.js'
import { closeAll } from '../../src/index.js'
import { eachTransport } from '../support/transports.js'

const call = { request: [], response: 'string' } as const

/** Names of what is inside of a client, and of what other libraries have on theirs. */
const Names = defineService({
  protocol: 'Names',
  messages: {
    ...{ open: call, name: call, scope: call, runtime: call, reports: call, life: call, transport: call },
    ...{ finish: call, uses: call, released: call, callClient: call, isSender: call, waitUntil: call },
    ...{ openTransport: call, whenUsersClosed: call, unreachable: call, send: call, next: call, on: call },
    ...{ close: call, status: call },
  },
})

eachTransport(t, 'each method is called by its name', async (t, { runtime, bind }) => {
  const names = Object.keys(Names.json.messages)
  const handlers = Object.fromEntries(names.map((name) => [name, () => name]))
  const server = await createRpcServer({ bind, runtime, services: [implement(Names, handlers as never)] })
  const own = await createRpcClient(Names, { connect: server.endpoint, runtime })
  const shared = await createRpcClient(Names, { over: own })
  for (const client of [own, shared]) {
    for (const name of names.filter((one) => one !== 'close' && one !== 'status')) {
      const method = Reflect.get(client, name) as typeof client.open
      t.equal(await firstValueFrom(method({})), name)
    }
    t.equal(client.status, 'open')
    t.equal(await firstValueFrom(client.calls.status({})), 'status')
    t.equal(await client.promises.close({}), 'close')
    t.equal(client.ref(), client)
    t.equal(client.unref(), client)
  }
  await closeAll([server, shared, own])
  t.strictSame([own.closed, shared.closed, server.closed], [true, true, true])
})
