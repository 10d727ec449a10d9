/** Links of history take the security of the topic socket, on whichever side they are bound. */
import t from 'tap'
import * as zmq from 'zeromq'
import { createPublisher } from '../../patterns/pubsub/index.js'
import { readLinks, writeLinks } from '../../patterns/pubsub/link-addresses.js'
import { generateKeyPair } from '../../src/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import { frameKind, readRecordFrame, TopicAnswer, TopicRequest, writeRecordFrame } from '../../src/wire/index.js'
import { first, until } from '../support/events.js'
import { eachTransport } from '../support/transports.js'
import { HistoryClient } from './history-client.js'
import { Old } from './schemas.js'

const server = generateKeyPair()
const alice = generateKeyPair()

eachTransport(
  t,
  'who is not admitted gets no history, and the publisher shows it',
  async (t, { runtime, bind, transport }) => {
    const security = { keyPair: server, allow: { alice: alice.publicKey } }
    const historyBind = transport === 'tcp' ? { bind } : {}
    const publisher = await createPublisher({ bind, runtime, security, history: historyBind })
    publisher.errors.subscribe()
    const events: SecurityEvent[] = []
    publisher.securityEvents.subscribe((event) => events.push(event))
    await publisher.topic('a', Old).send({ id: 1 })
    await publisher.flush()
    const address = await linksAddress(publisher, transport)
    const client = await HistoryClient.open(t, { runtime, security: { keyPair: alice, serverKey: server.publicKey } })
    client.dial({ address })
    const { present: [kept] = [] } = await client.sources()
    t.equal((await client.replay(kept?.source as Buffer, [{ pattern: '#' }], Old)).frames.length, 1)
    await until(() => events.some(({ kind, identity }) => kind === 'admitted' && identity?.name === 'alice'))
    const refused = first(publisher.securityEvents, ({ kind }) => kind === 'refused')
    const other = await HistoryClient.open(t, {
      runtime,
      security: { keyPair: generateKeyPair(), serverKey: server.publicKey },
    })
    other.dial({ address })
    await refused
    t.equal(other.links.connected, 0)
    await publisher.close()
    const completed = new Promise<void>((resolve) => publisher.securityEvents.subscribe({ complete: resolve }))
    await completed
  },
  ['ipc', 'tcp'],
)

eachTransport(
  t,
  'a publisher that connects dials links with the key of the server that it connects to',
  async (t, { runtime, bind }) => {
    const socket = new zmq.XSubscriber({ linger: 0, curveServer: true, ...keysOf(server) })
    t.teardown(() => socket.close())
    await socket.bind(bind)
    const links = await HistoryClient.open(t, {
      runtime,
      bind: bind.startsWith('ipc') ? `${bind}.own` : bind,
      security: { keyPair: server, allow: { alice: alice.publicKey } },
    })
    const publisher = await createPublisher({
      connect: { address: socket.lastEndpoint ?? '', serverKey: server.publicKey },
      runtime,
      security: { keyPair: alice },
      history: {},
    })
    await publisher.topic('a', Old).send({ id: 1 })
    const inbox = Buffer.concat([Buffer.of(0), Buffer.from('inbox')])
    const extensions = writeLinks([links.links.endpoint])
    const request = { kind: 'ready', inbox, nonce: Buffer.alloc(16), extensions } as const
    await publisher.whenConnected()
    await socket.send(Buffer.concat([Buffer.of(1), inbox]))
    await socket.send(writeRecordFrame(TopicRequest, request, frameKind.request, undefined))
    const { present: [kept] = [] } = await links.sources()
    t.equal((await links.replay(kept?.source as Buffer, [{ pattern: '#' }], Old)).frames.length, 1)
  },
  ['ipc', 'tcp'],
)

/** A pair of keys as the library takes it. */
function keysOf({ publicKey, secretKey }: typeof server) {
  return { curvePublicKey: publicKey, curveSecretKey: secretKey }
}

/** Where the links of a publisher are: over TCP they were bound at a free port, which is known from its answers alone. */
async function linksAddress({ endpoint }: { readonly endpoint: string }, transport: string): Promise<string> {
  if (transport !== 'tcp') return `${endpoint}.links`
  const socket = new zmq.XSubscriber({ linger: 0, curveServerKey: server.publicKey, ...keysOf(alice) })
  socket.connect(endpoint)
  const inbox = Buffer.concat([Buffer.of(0), Buffer.from('asker')])
  await socket.send(Buffer.concat([Buffer.of(1), inbox]))
  const request = { kind: 'ready', inbox, nonce: Buffer.alloc(16), extensions: {} } as const
  await socket.send(writeRecordFrame(TopicRequest, request, frameKind.request, undefined))
  for (;;) {
    const [topic, frame] = await socket.receive()
    if (!topic?.equals(inbox)) continue
    socket.close()
    const { extensions } = readRecordFrame(TopicAnswer, frame as Buffer, frameKind.answer, inbox)
    return readLinks(extensions)?.[0] ?? ''
  }
}
