/** Whether the process may end: children that hold servers and clients in every state, and end by themselves or do not. */
import t from 'tap'
import { complaint, loader, moduleUrl, runModule } from '../child-process.js'

const url = (path: string) => JSON.stringify(moduleUrl(path))

const prelude = `
const { createRpcClient, createRpcServer, implement } = await import(${url('patterns/rpc/index.ts')})
const { Lab, plainHandlers } = await import(${url('test/rpc/lab.ts')})
const open = async (handlers = {}) => {
  const server = await createRpcServer({ bind: 'tcp://127.0.0.1:*', services: [implement(Lab, { ...plainHandlers, ...handlers })] })
  return [server, await createRpcClient(Lab, { connect: server.endpoint })]
}
process.on('exit', () => console.log('exit'))
`

const ends: readonly [string, string][] = [
  [
    'a client without an endpoint, unreferenced',
    `const { NEVER } = await import('rxjs')
     const client = await createRpcClient(Lab, { connect: NEVER })
     client.promises.get({ id: 1 }).catch(() => {})
     client.unref()`,
  ],
  [
    'a client without an endpoint, closed',
    `const { BehaviorSubject } = await import('rxjs')
     const [server, other] = await open()
     const lists = new BehaviorSubject([server.endpoint])
     const client = await createRpcClient(Lab, { connect: lists })
     await client.promises.get({ id: 1 })
     lists.next([])
     await Promise.all([client, other, server].map((one) => one.close()))`,
  ],
  [
    'a pair that was used and closed',
    `const [server, client] = await open()
     await client.promises.get({ id: 1 })
     await client.close()
     await server.close()`,
  ],
  [
    'calls with deadlines that are far away, closed without draining',
    `const [server, client] = await open({ get: () => new Promise(() => {}) })
     client.promises.get({ id: 1 }, { timeoutMs: 1e9 }).catch(() => {})
     client.list({ count: 1e6 })[Symbol.asyncIterator]().next()
     await client.promises.peek({ id: 1 })
     await server.close({ drain: false })
     await client.close({ drain: false })`,
  ],
  [
    'a client that waits for a server, closed',
    `const client = await createRpcClient(Lab, { connect: 'tcp://127.0.0.1:9' })
     client.promises.get({ id: 1 }).catch(() => {})
     const guest = await createRpcClient(Lab, { over: client })
     await client.close({ drain: false })`,
  ],
  [
    'an unreferenced pair with an open call',
    `const [server, client] = await open({ get: () => new Promise(() => {}) })
     client.promises.get({ id: 1 }).catch(() => {})
     await client.promises.peek({ id: 1 })
     server.unref()
     client.unref()`,
  ],
  [
    'an unreferenced client that waits for a server',
    `const client = await createRpcClient(Lab, { connect: 'tcp://127.0.0.1:9' })
     client.unref()
     client.promises.get({ id: 1 }).catch(() => {})`,
  ],
]

t.test('processes that end by themselves', async (t) => {
  const text = ends.map(([name, body]) => `console.log(${JSON.stringify(name)})\n{ ${body} }`).join('\n')
  const ended = await runModule(prelude + text, process.cwd(), ...loader)
  t.equal(complaint(ended), undefined)
  t.match(ended.stdout, /exit\n$/)
})

t.test('a server that is open keeps its process, and so does a client', async (t) => {
  const text = `
    const [server, client] = await open()
    server.unref()
    client.unref()
    client.ref()
    setTimeout(() => {
      console.log('still here')
      client.unref()
    }, 300).unref()`
  const ended = await runModule(prelude + text, process.cwd(), ...loader)
  t.equal(complaint(ended), undefined)
  t.match(ended.stdout, /still here\nexit\n$/)
})

t.test('a client without an endpoint keeps the process alive', async (t) => {
  const text = `
    const { Observable } = await import('rxjs')
    const [server, other] = await open()
    await other.close()
    server.unref()
    const connect = new Observable((lists) => void setTimeout(() => lists.next([server.endpoint]), 300).unref())
    const client = await createRpcClient(Lab, { connect })
    client.promises.get({ id: 1 }).then(async ({ text }) => {
      console.log(text)
      await client.close()
    })`
  const ended = await runModule(prelude + text, process.cwd(), ...loader)
  t.equal(complaint(ended), undefined)
  t.equal(ended.stdout, 'item 1\nexit\n')
})
