/** Captured bytes: with security none of what was said is in them, without it all of it is. */
import t, { type Test } from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { defineService } from '../../src/avro/index.js'
import { generateKeyPair } from '../../src/index.js'
import { first } from '../support/events.js'
import { Job } from '../support/job.js'
import { RecordingProxy } from '../support/recording-proxy.js'
import { place } from '../support/transports.js'

const server = generateKeyPair()
const client = generateKeyPair()

const request = 'a canary that sings in a request'
const answer = 'another one that sings in an answer'
const topic = 'canaries'

const Echo = defineService({
  protocol: 'CanaryEcho',
  messages: { sing: { request: [{ name: 'song', type: 'string' }], response: 'string' } },
})

/** Talks through a proxy over every kind of socket; returns the bytes of all connections, both ways. */
async function capture(t: Test, isSecured: boolean): Promise<Buffer> {
  const { runtime, bind } = place(t, 'tcp')
  const bound = { runtime, bind, ...(isSecured && { security: { keyPair: server, allow: [client.publicKey] } }) }
  const own = { runtime, ...(isSecured && { security: { keyPair: client, serverKey: server.publicKey } }) }
  const proxies: RecordingProxy[] = []
  const through = async (endpoint: string) => {
    const proxy = await RecordingProxy.open(t, endpoint)
    proxies.push(proxy)
    return proxy.endpoint
  }
  const rpc = await createRpcServer({ ...bound, services: [implement(Echo, { sing: () => answer })] })
  const caller = await createRpcClient(Echo, { ...own, connect: await through(rpc.endpoint) })
  t.equal(await caller.promises.sing({ song: request }), answer)
  const push = await createPush({ ...bound, schema: Job })
  const pull = await createPull({ ...own, schema: Job, connect: await through(push.endpoint) })
  push.next({ id: 1, note: answer })
  t.equal((await first(pull.messages)).note, answer)
  const publisher = await createPublisher(bound)
  const subscriber = await createSubscriber({ ...own, connect: await through(publisher.endpoint) })
  const arrived = first(subscriber.topic(topic, Job))
  await subscriber.whenReady()
  publisher.topic(topic, Job).next({ id: 1, note: request })
  t.equal((await arrived).note, request)
  return Buffer.concat(proxies.flatMap(({ sent, received }) => [...sent, ...received].flat()))
}

t.test('what links, queues and topics say', async (t) => {
  const texts = [request, answer, topic, 'CanaryEcho', 'sing', 'Job']
  const open = (await capture(t, false)).toString('latin1')
  t.strictSame(
    texts.filter((text) => !open.includes(text)),
    [],
    'is in the bytes of connections without security',
  )
  const secured = await capture(t, true)
  t.ok(secured.length > 2000)
  t.strictSame(
    texts.filter((text) => secured.toString('latin1').includes(text)),
    [],
    'is not in those with security',
  )
  for (const { secretKey } of [server, client]) t.notOk(secured.includes(secretKey), 'nor is a secret key')
})
