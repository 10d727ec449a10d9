/** Connections that do not speak ZMTP 3 are refused before any message, on each kind of socket that binds, and counted. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { createRpcClient } from '../../patterns/rpc/index.js'
import type { Resource } from '../../src/resource/index.js'
import { Lab, openServer } from '../rpc/lab.js'
import { codesOf, linkState, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { openings } from '../support/openings.js'
import { rawConnection, whenClosed } from '../support/raw-zmtp.js'
import { type Place, place } from '../support/transports.js'

/** Says each opening to an endpoint, without closing; resolves when every connection was closed from there. */
async function sayAll(t: Test, endpoint: string): Promise<void> {
  const ends = Object.values(openings).map(async (opening) => {
    const socket = rawConnection(t, endpoint).resume()
    socket.write(opening)
    await whenClosed(socket)
  })
  await Promise.all(ends)
}

/** A resource that binds, and proof that its honest peer is served. */
interface Served {
  readonly resource: Resource
  serve(): Promise<void>
}

const patterns: Readonly<Record<string, (t: Test, place: Place) => Promise<Served>>> = {
  async push(t, { runtime, bind }) {
    const resource = await createPush({ schema: Job, bind, runtime })
    const pull = await createPull({ schema: Job, connect: resource.endpoint, runtime })
    const seen: number[] = []
    pull.messages.subscribe(({ id }) => seen.push(id))
    const serve = async () => {
      seen.length = 0
      for (const job of jobs(200)) await resource.send(job)
      await until(() => seen.length === 200)
      t.strictSame(seen, [...Array(200).keys()], 'each job came to the worker')
    }
    return { resource, serve }
  },

  async pull(t, { runtime, bind }) {
    const resource = await createPull({ schema: Job, bind, runtime })
    const push = await createPush({ schema: Job, connect: resource.endpoint, runtime })
    const seen: number[] = []
    resource.messages.subscribe(({ id }) => seen.push(id))
    const serve = async () => {
      seen.length = 0
      for (const job of jobs(20)) await push.send(job)
      await until(() => seen.length === 20)
      t.match(resource.stats(), { dropped: {}, rejectedFrames: {} })
    }
    return { resource, serve }
  },

  async publisher(t, { runtime, bind }) {
    const resource = await createPublisher({ bind, runtime })
    const subscriber = await createSubscriber({ connect: resource.endpoint, runtime })
    const seen: number[] = []
    const prefixes: string[] = []
    resource.subscriptions.subscribe(({ prefix }) => prefixes.push(prefix))
    subscriber.topic('a', Job).subscribe(({ id }) => seen.push(id))
    await subscriber.ready
    const topic = resource.topic('a', Job)
    const serve = async () => {
      topic.next({ id: seen.length })
      const count = seen.length + 1
      await until(() => seen.length === count)
      t.notOk(prefixes.includes(''), 'nobody has subscribed to everything')
    }
    return { resource, serve }
  },

  async subscriber(t, { runtime, bind }) {
    const resource = await createSubscriber({ bind, runtime })
    const publisher = await createPublisher({ connect: resource.endpoint, runtime })
    const seen: number[] = []
    resource.topic('a', Job).subscribe(({ id }) => seen.push(id))
    await resource.ready
    const topic = publisher.topic('a', Job)
    const serve = async () => {
      topic.next({ id: seen.length })
      const count = seen.length + 1
      await until(() => seen.length === count)
      t.pass('the message came')
    }
    return { resource, serve }
  },

  async server(t, place) {
    const resource = await openServer(place)
    const client = await createRpcClient(Lab, { connect: resource.endpoint, runtime: place.runtime })
    const serve = async () => {
      t.match(await client.promises.peek({ id: 3 }), { id: 3 })
    }
    return { resource, serve }
  },
}

async function listens(t: Test, name: string, { resource, serve }: Served): Promise<void> {
  const codes = codesOf(resource)
  await serve()
  await resource.whenConnected()
  await sayAll(t, resource.endpoint)
  await serve()
  t.equal(resource.connected, 1, name)
  await until(() => resource.refusedConnections === Object.keys(openings).length)
  t.equal(resource.connected, 1, name)
  await serve()
  t.strictSame(codes, ['RIVULET_HANDSHAKE_FAILED'], `${name} reports it once`)
}

for (const transport of ['ipc', 'tcp'] as const) {
  // all at once, since what is refused beside a live link is known after a while only
  t.test(`every pattern that binds (${transport})`, async (t) => {
    const all = Object.entries(patterns).map(async ([name, open]) =>
      listens(t, name, await open(t, place(t, transport))),
    )
    await Promise.all(all)
  })
}

t.test('a push gives no job to a server of another protocol that it connects to', async (t) => {
  const { runtime } = place(t, 'tcp')
  const server = createServer((socket) => {
    socket.on('error', () => {}).resume()
    socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
  })
  server.listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const connectTo = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
  const push = await createPush({ schema: Job, connect: connectTo, runtime })
  const codes = codesOf(push)
  const refused = linkState(push, 'refused')
  push.next({ id: 1 })
  await refused
  t.match(push.stats(), { sent: 0 })
  t.equal(push.connected, 0)
  t.strictSame(codes, ['RIVULET_HANDSHAKE_FAILED'])
})
