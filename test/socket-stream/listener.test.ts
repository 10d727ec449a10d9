/** Listeners and clients: where they bind and connect, which connections they refuse, and how they close. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { firstValueFrom } from 'rxjs'
import t from 'tap'
import { connectStream, createStreamListener, lines, type StreamConnection } from '../../patterns/socket/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { codesOf, until } from '../support/events.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { connect, eachStreamTransport, take, takeAll } from './ends.js'

const framing = lines()

t.test('wildcards are resolved, and several endpoints are bound', async (t) => {
  const { runtime } = place(t, 'tcp')
  const listener = await createStreamListener({
    framing,
    bind: ['tcp://127.0.0.1:*', 'ipc://*', 'tcp://[::1]:0'],
    runtime,
  })
  const [tcp, ipc, six] = listener.endpoints
  t.match(tcp, /^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/)
  t.match(ipc, /^ipc:\/\/\/.+\/socket$/)
  t.match(six, /^tcp:\/\/\[::1\]:[1-9]\d*$/)
  for (const endpoint of listener.endpoints) {
    const accepted = firstValueFrom(listener.connections)
    const client = await connectStream({ framing, connect: endpoint, runtime })
    await client.send(endpoint)
    t.strictSame(await take(await accepted, 1), [endpoint])
  }
  await listener.close({ drain: false })
  t.notOk(existsSync((ipc as string).slice('ipc://'.length)), 'the path of the wildcard is gone')
})

t.test('what cannot be bound is an error with a code', async (t) => {
  const { runtime, bind } = place(t, 'ipc')
  const path = bind.slice('ipc://'.length)
  const taken = await createStreamListener({ framing, bind: ['tcp://127.0.0.1:*', bind], runtime })
  for (const endpoint of taken.endpoints) {
    await t.rejects(createStreamListener({ framing, bind: endpoint, runtime }), {
      code: 'RIVULET_BIND_FAILED',
      message: /in use/,
    })
  }
  t.ok(existsSync(path), 'the socket of the other listener is still there')
  await taken.close({ drain: false })
  writeFileSync(path, 'a file')
  await t.rejects(createStreamListener({ framing, bind, runtime }), {
    code: 'RIVULET_BIND_FAILED',
    message: /no socket/,
  })
  const missing = createStreamListener({ framing, bind: 'ipc:///no/such/folder/s', runtime })
  await t.rejects(missing, { code: 'RIVULET_BIND_FAILED', message: /folder/ })
  await t.rejects(createStreamListener({ framing, bind: 'inproc://name', runtime }), {
    code: 'RIVULET_INVALID_ENDPOINT',
  })
  await t.rejects(createStreamListener({ framing, bind: 'tcp://0.0.0.0:*', runtime }), {
    code: 'RIVULET_INSECURE_BIND',
  })
  const both = createStreamListener({ framing, bind: ['tcp://127.0.0.1:*', bind], runtime })
  await t.rejects(both, { code: 'RIVULET_BIND_FAILED' })
  t.equal(runtime.size, 0, 'and nothing is open')
  const open = await createStreamListener({ framing, bind: 'tcp://*:*', insecure: true, runtime })
  t.match(open.endpoint, /^tcp:\/\/\*:[1-9]\d*$/)
})

t.test('a socket file that a killed process has left is replaced', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 's')
  const program = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', program])
  t.ok(existsSync(path))
  const { runtime } = place(t, 'tcp')
  const listener = await createStreamListener({ framing, bind: `ipc://${path}`, runtime })
  t.equal(listener.endpoint, `ipc://${path}`)
})

t.test('what cannot be connected is an error with a code', async (t) => {
  const clock = new VirtualClock()
  const { runtime } = place(t, 'tcp', { clock })
  const open = (connect: string, signal?: AbortSignal) =>
    connectStream({ framing, connect, runtime, ...(signal && { signal }) })
  const listener = await createStreamListener({ framing, bind: 'tcp://127.0.0.1:*', runtime })
  const slow = open(listener.endpoint)
  clock.advance(10_000)
  await t.rejects(slow, { code: 'RIVULET_TIMEOUT', message: /10000 ms/ })
  const controller = new AbortController()
  const aborted = open(listener.endpoint, controller.signal)
  controller.abort(new Error('enough'))
  await t.rejects(aborted, { code: 'RIVULET_ABORTED', cause: { message: 'enough' } })
  await t.rejects(open(listener.endpoint, AbortSignal.abort()), { code: 'RIVULET_ABORTED' })
  await listener.close({ drain: false })
  await t.rejects(open(listener.endpoint), { code: 'RIVULET_CONNECTION_REFUSED' })
  await t.rejects(open('ipc:///no/such/socket'), { code: 'RIVULET_CONNECTION_REFUSED' })
  // too long for a name, so that no resolver is asked
  await t.rejects(open(`tcp://${'a'.repeat(64)}.invalid:9`), { code: 'RIVULET_NAME_NOT_FOUND' })
  await t.rejects(open('tcp://127.0.0.1:*'), { code: 'RIVULET_INVALID_ENDPOINT' })
  await t.rejects(open('inproc://name'), { code: 'RIVULET_INVALID_ENDPOINT' })
  t.equal(runtime.size, 0, 'and nothing is open')
  const closed = createRuntime()
  await closed.close()
  await t.rejects(connectStream({ framing, connect: listener.endpoint, runtime: closed }), { code: 'RIVULET_CLOSED' })
})

eachStreamTransport(
  t,
  'a connection that nobody takes is refused, and one that is taken in time is not',
  async (t, { bind, transport }) => {
    const clock = new VirtualClock()
    const { runtime } = place(t, transport, { clock })
    const listener = await createStreamListener({ framing, bind, runtime, takeTimeoutMs: 1000 })
    const errors = codesOf(listener)
    const untaken = await connectStream({ framing, connect: listener.endpoint, runtime })
    untaken.errors.subscribe()
    await untaken.send('waits')
    await clock.whenArmed()
    await until(() => listener.stats().open === 1)
    clock.advance(999)
    t.equal(listener.stats().open, 1)
    clock.advance(1)
    t.match(listener.stats(), { open: 0, accepted: 0, refused: { 'not-taken': 1 } })
    t.equal(listener.refusedConnections, 1)
    t.strictSame(errors, ['RIVULET_TIMEOUT'])
    await takeAll(untaken)

    const client = await connectStream({ framing, connect: listener.endpoint, runtime })
    await client.send('taken')
    await until(() => listener.stats().open === 1)
    clock.advance(999)
    t.strictSame(await take(await firstValueFrom(listener.connections), 1), ['taken'])
    clock.advance(10_000)
    t.match(listener.stats(), { open: 1, accepted: 1, refused: { 'not-taken': 1 } })
  },
)

eachStreamTransport(
  t,
  'more connections than there may be are refused, until one ends',
  async (t, { bind, runtime }) => {
    const listener = await createStreamListener({ framing, bind, runtime, maxConnections: 2 })
    const errors = codesOf(listener)
    const accepted: StreamConnection<string>[] = []
    listener.connections.subscribe((connection) => accepted.push(connection))
    const whenAccepted = (count: number) => until(() => accepted.length === count)
    const open = () => connectStream({ framing, connect: listener.endpoint, runtime })
    const clients = [await open(), await open()]
    await whenAccepted(2)
    const refused = await open()
    refused.errors.subscribe()
    t.strictSame(await takeAll(refused), [])
    t.strictSame(errors, ['RIVULET_TOO_MANY_CONNECTIONS'])
    t.match(listener.stats(), { open: 2, accepted: 2, refused: { 'too-many': 1 } })

    // the peer of the first has closed its half, and nothing is left to do: it makes room
    accepted[0]?.messages.subscribe()
    const ended = accepted[0]?.whenEnded
    clients[0]?.complete()
    await new Promise<void>((resolve) => accepted[0]?.messages.subscribe({ complete: resolve }))
    t.equal(listener.stats().open, 2, 'it is still open')
    const third = await open()
    await whenAccepted(3)
    await ended
    await third.send('hello')
    t.strictSame(await take(accepted[2] as StreamConnection<string>, 1), ['hello'])
    t.equal(listener.stats().open, 2)
  },
)

eachStreamTransport(t, 'a listener that closes sends what its connections have, and ends them', async (t, place) => {
  const { listener, client, server } = await connect(place, framing)
  const connections = new Promise<void>((resolve) => listener.connections.subscribe({ complete: resolve }))
  const taken = takeAll(client)
  for (let at = 0; at < 1000; at++) server.next(`line ${at}`)
  t.strictSame(await listener.close(), { undelivered: 0 })
  await connections
  t.equal((await taken).length, 1000)
  t.equal(await server.whenEnded, undefined)
  t.equal(server.status, 'closed')
  client.complete()
  await client.whenClosed
  await t.rejects(connectStream({ framing, connect: listener.endpoint, runtime: place.runtime }), {
    code: 'RIVULET_CONNECTION_REFUSED',
  })
})

t.test('wrong options are refused with their rule', async (t) => {
  const { runtime } = place(t, 'tcp')
  const bind = 'tcp://127.0.0.1:*'
  const wrong: [object, RegExp][] = [
    [{ framing: 'lines', bind }, /framing must be a framing/],
    [{ bind }, /schema must be given, or framing/],
    [{ framing }, /bind must be given, received undefined/],
    [{ framing, bind, maxConnections: 0 }, /maxConnections must be a whole number/],
    [{ framing, bind, maxBufferedBytes: 1 }, /maxBufferedBytes must be/],
    [{ framing, bind, idleTimeout: 5 }, /unknown option 'idleTimeout'; did you mean 'idleTimeoutMs'/],
    [{ framing, bind, idleTimeoutMs: -1 }, /idleTimeoutMs must be milliseconds/],
    [{ framing, bind, keepAliveMs: 5 }, /keepAliveMs must be milliseconds, 1000 or more/],
    [{ framing, bind, connect: bind }, /unknown option 'connect'/],
  ]
  for (const [options, message] of wrong) {
    const opening = createStreamListener({ ...options, runtime } as Parameters<typeof createStreamListener>[0])
    await t.rejects(opening, { code: 'RIVULET_INVALID_OPTION', message })
  }
})
