/** The number of a session that was read from the network: what it is worth without security, and with it. */
import { firstValueFrom } from 'rxjs'
import t, { type Test } from 'tap'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { generateKeyPair, type SecurityOptions } from '../../src/index.js'
import { readHello } from '../../src/session/handshake.js'
import { frameKind } from '../../src/wire/index.js'
import { first } from '../support/events.js'
import { LinkStranger } from '../support/link-stranger.js'
import { sentParts } from '../support/raw-zmtp.js'
import { RecordingProxy } from '../support/recording-proxy.js'
import { place } from '../support/transports.js'
import { Doubling } from './roles.js'

/** A client and a server, and what the network has seen of them. */
async function open(t: Test, security: { server?: SecurityOptions; client?: SecurityOptions } = {}) {
  const { runtime } = place(t, 'tcp')
  const services = [implement(Doubling, { double: ({ value }) => 2 * value })]
  const secured = (options: SecurityOptions | undefined) => (options ? { security: options } : {})
  const bind = 'tcp://127.0.0.1:*'
  const server = await createRpcServer({ bind, runtime, services, ...secured(security.server) })
  const proxy = await RecordingProxy.open(t, server.endpoint)
  const client = await createRpcClient(Doubling, { connect: proxy.endpoint, runtime, ...secured(security.client) })
  t.equal(await firstValueFrom(client.double({ value: 2 })), 4)
  const bodies = proxy.sent.flatMap((chunks) => sentParts(Buffer.concat(chunks)).map(({ body }) => body))
  return { server, client, hellos: bodies.filter((body) => (body[3] ?? 0) >> 1 === frameKind.hello) }
}

t.test('without security, its reader takes the session over, and its client begins another', async (t) => {
  const { server, client, hellos } = await open(t)
  const { session } = readHello(hellos[0] as Buffer)
  const lost = first(client.errors, ({ code }) => code === 'RIVULET_SESSION_LOST')
  const thief = LinkStranger.open(t, server.endpoint)
  await thief.enter({ session, resume: true, connection: 2 ** 20 })
  await lost
  t.equal(await firstValueFrom(client.double({ value: 3 })), 6)
})

t.test('with security there is nothing to read', async (t) => {
  const [server, alice] = [generateKeyPair(), generateKeyPair()]
  const { hellos } = await open(t, {
    server: { keyPair: server, allow: { alice: alice.publicKey } },
    client: { keyPair: alice, serverKey: server.publicKey },
  })
  t.strictSame(hellos, [])
})
