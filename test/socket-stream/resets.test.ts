/** What a peer sees of `error()` over TCP: a reset, by a plain socket of `node:net` and by one of ours, on either side. */
import { once } from 'node:events'
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net'
import { firstValueFrom } from 'rxjs'
import t from 'tap'
import { connectStream, createStreamListener, lines } from '../../patterns/socket/index.js'
import { until } from '../support/events.js'
import { place } from '../support/transports.js'
import { connect, takeAll } from './ends.js'

const cause = new Error('no more')

/** How a plain socket ends: the code of its error, or `end`; all that arrives is read. */
function endOf(t: { teardown(action: () => void): void }, socket: Socket): Promise<string> {
  t.teardown(() => socket.destroy())
  return new Promise((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
    socket.once('end', () => resolve('end'))
    socket.resume()
  })
}

/** A port of an endpoint over TCP. */
const portOf = (endpoint: string): number => Number(new URL(endpoint).port)

t.test('a plain client of a listener sees a reset', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const listener = await createStreamListener({ framing: lines(), bind, runtime })
  const accepted = firstValueFrom(listener.connections)
  const socket = dial(portOf(listener.endpoint), '127.0.0.1')
  const ended = endOf(t, socket)
  const server = await accepted
  server.errors.subscribe()
  server.error(cause)
  t.equal(await ended, 'ECONNRESET')
  t.match(await server.whenEnded, { code: 'RIVULET_SOURCE_FAILED', cause })
  await until(() => listener.stats().open === 0)
})

t.test('a plain server of a client sees a reset', async (t) => {
  const { runtime } = place(t, 'tcp')
  const server = createServer()
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const accepted = once(server, 'connection').then(([socket]) => socket as Socket)
  const { port } = server.address() as AddressInfo
  const client = await connectStream({ framing: lines(), connect: `tcp://127.0.0.1:${port}`, runtime })
  client.errors.subscribe()
  const ended = endOf(t, await accepted)
  client.error(cause)
  t.equal(await ended, 'ECONNRESET')
  t.match(await client.whenEnded, { code: 'RIVULET_SOURCE_FAILED', cause })
})

t.test('a peer of ours reports it as lost, on either side', async (t) => {
  for (const side of ['client', 'server'] as const) {
    const ends = await connect(place(t, 'tcp'), lines())
    const [failing, seeing] = side === 'client' ? [ends.client, ends.server] : [ends.server, ends.client]
    failing.errors.subscribe()
    const reported = firstValueFrom(seeing.errors)
    const taken = takeAll(seeing)
    failing.error(cause)
    const lost = { code: 'RIVULET_CONNECTION_LOST', cause: { code: 'ECONNRESET' } }
    t.match(await seeing.whenEnded, lost, `the ${side} fails`)
    t.match(await reported, lost)
    t.strictSame(await taken, [])
  }
})

t.test('behind `complete()` a plain peer sees an end, and no reset', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const listener = await createStreamListener({ framing: lines(), bind, runtime })
  const accepted = firstValueFrom(listener.connections)
  const socket = dial({ port: portOf(listener.endpoint), host: '127.0.0.1', allowHalfOpen: true })
  const ended = endOf(t, socket)
  const closed = once(socket, 'close')
  const server = await accepted
  server.errors.subscribe()
  server.complete()
  t.equal(await ended, 'end')
  server.error(cause)
  t.match(await server.whenEnded, { code: 'RIVULET_SOURCE_FAILED', cause })
  socket.end()
  t.strictSame(await closed, [false], 'it closes without an error')
})
