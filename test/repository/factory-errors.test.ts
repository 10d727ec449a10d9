/** What factories reject with, against the codes that their docstrings name. */
import t from 'tap'
import { createDirectory, createDirectoryHost } from '../../patterns/directory/index.js'
import { createPeer } from '../../patterns/messaging/index.js'
import { createHub, createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { createConsumer, createProducer, createPull, createPush, createQueueHost } from '../../patterns/queue/index.js'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { connectStream, createDatagram, createStreamListener, reconnectStream } from '../../patterns/socket/index.js'
import { defineSchema, defineService } from '../../src/avro/index.js'
import { type Closable, createRuntime, isRivuletError } from '../../src/index.js'
import { entryFiles, readPublicInterface } from '../../tools/docs/public-interface.js'

type Opening = (given: object) => Promise<Closable>

const schema = defineSchema('string')
const Clock = defineService({ protocol: 'Clock', messages: { now: { request: [], response: 'long' } } })
const service = implement(Clock, { now: () => 1 })

/** Opens a resource with options that its types do not allow. */
const opening =
  (create: (options: never) => Promise<Closable>, options: object): Opening =>
  (given) =>
    create({ ...options, ...given } as never)

const binding: Readonly<Record<string, Opening>> = {
  createPush: opening(createPush, { schema }),
  createPull: opening(createPull, { schema }),
  createPublisher: opening(createPublisher, {}),
  createSubscriber: opening(createSubscriber, {}),
  createHub: ({ bind, insecure, ...given }: { bind?: string; insecure?: boolean }) =>
    createHub({ publishers: { bind: 'inproc://a' }, subscribers: { bind, insecure }, ...given } as never),
  createQueueHost: opening(createQueueHost, { store: 'memory' }),
  createRpcServer: opening(createRpcServer, { services: [service] }),
  createPeer: opening(createPeer, { name: 'a' }),
  createDirectoryHost: opening(createDirectoryHost, {}),
  createDatagram: opening(createDatagram as never, { schema }),
  createStreamListener: opening(createStreamListener, { schema }),
}

const connecting: Readonly<Record<string, Opening>> = {
  createProducer: opening(createProducer, { queue: 'a', schema }),
  createConsumer: opening(createConsumer, { queue: 'a', schema }),
  createRpcClient: (given) => createRpcClient(Clock, given),
  createDirectory: opening(createDirectory, {}),
  connectStream: opening(connectStream, { schema }),
  reconnectStream: opening(reconnectStream, { schema }),
}

const symbols = readPublicInterface(entryFiles())

/** The codes that each docstring of a function names: those of what it is described to fail with. */
function namedBy(name: string): string[][] {
  const { signatures = [] } = symbols.find((one) => one.name === name) ?? {}
  return signatures.map(({ doc }) =>
    doc.tags
      .filter((tag) => tag.name === 'error' || tag.name === 'throws')
      .flatMap(({ text }) => text.match(/RIVULET(?:_[A-Z]+)+(?![A-Z_])/g) ?? []),
  )
}

/** The code that an opening rejects with; what was opened is closed. */
async function codeOf(open: () => Promise<Closable>): Promise<string> {
  try {
    await (await open()).close({ drain: false })
    return 'opened'
  } catch (error) {
    return isRivuletError(error) ? error.code : String(error)
  }
}

t.test('a factory names each code that it rejects with', async (t) => {
  const runtime = createRuntime()
  await runtime.close()
  const signal = AbortSignal.abort()
  const own = createRuntime()
  t.teardown(() => own.close())
  const isUdp = (name: string): boolean => name === 'createDatagram'
  for (const [name, open] of [...Object.entries(binding), ...Object.entries(connecting)]) {
    const isBinding = name in binding
    const place = (host: string, port: string): object =>
      isBinding ? { bind: `${isUdp(name) ? 'udp' : 'tcp'}://${host}:${port}` } : { connect: `tcp://${host}:${port}` }
    const right = place('127.0.0.1', isBinding ? '*' : '9')
    const causes: ReadonlyArray<readonly [code: string, given: object]> = [
      ['RIVULET_INVALID_OPTION', { ...right, unknown: 1 }],
      ['RIVULET_INVALID_ENDPOINT', isBinding ? { bind: 'nowhere' } : { connect: 'nowhere' }],
      ['RIVULET_ABORTED', { ...right, signal }],
      ['RIVULET_CLOSED', { ...right, runtime }],
    ]
    const ofBinding: typeof causes = [
      ['RIVULET_INSECURE_BIND', place('0.0.0.0', '*')],
      // an address for documents: no machine has it
      ['RIVULET_BIND_FAILED', { ...place('192.0.2.1', '9'), insecure: true }],
    ]
    for (const [code, given] of isBinding ? [...causes, ...ofBinding] : causes) {
      t.equal(await codeOf(() => open({ runtime: own, ...given })), code, `${name} rejects`)
      t.ok(
        namedBy(name).every((codes) => codes.includes(code)),
        `${name} names ${code}`,
      )
    }
  }
})

t.test('what is over a closed resource is refused as closed', async (t) => {
  const client = await createRpcClient(Clock, { connect: 'tcp://127.0.0.1:9' })
  await client.close()
  t.equal(await codeOf(() => createRpcClient(Clock, { over: client })), 'RIVULET_CLOSED')
  const peer = await createPeer({ name: 'a', bind: 'inproc://peer' })
  await peer.close()
  t.equal(await codeOf(() => createPeer({ name: 'b', over: peer })), 'RIVULET_CLOSED')
  const host = await createQueueHost({ store: 'memory' })
  await host.close()
  t.equal(await codeOf(() => createProducer({ host, queue: 'a', schema })), 'RIVULET_CLOSED')
  t.equal(await codeOf(() => createConsumer({ host, queue: 'a', schema })), 'RIVULET_CLOSED')
})
