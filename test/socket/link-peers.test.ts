/** Who has gone is told at the router, once, whatever made them go; and what strangers send harms nobody. */
import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import * as zmq from 'zeromq'
import { disconnectMessage } from '../../src/socket/native.js'
import { loader, modulePath } from '../child-process.js'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { DealerEnd, maxFrameBytes, RouterEnd } from './link-ends.js'

const program = modulePath('test/socket/dealer-process.ts')

/** A raw DEALER, which any program may be. */
function stranger(t: Test, endpoint: string, options: zmq.SocketOptions<zmq.Dealer> = {}): zmq.Dealer {
  const raw = new zmq.Dealer({ linger: 0, ...options })
  t.teardown(() => raw.close())
  raw.connect(endpoint)
  return raw
}

eachTransport(t, 'peers that close, one after the other', async (t, { runtime, bind }) => {
  const router = await RouterEnd.open(t, runtime, bind)
  const names = ['?one', '?two', '?three']
  const dealers = await Promise.all(names.map((name) => DealerEnd.open(t, runtime, router.endpoint, name)))
  await until(() => dealers.every(({ frames }) => frames === 1))
  for (const [index, name] of names.entries()) {
    const peer = router.peerOf(name)
    dealers[index]?.socket.close(0)
    await until(() => router.gone.length === index + 1)
    t.equal(router.gone[index], peer)
    router.socket.send(peer, Buffer.from('nobody is there'))
  }
  await until(() => router.links.connected === 0)
  t.equal(router.socket.peers, 0)
  t.strictSame([...router.reasons, ...router.errors], [])
  t.equal(router.gone.length, 3, 'each once')
})

eachTransport(t, 'what a peer sent before it left is read, though nothing reaches it any more', async (t, at) => {
  const router = await RouterEnd.open(t, at.runtime, at.bind)
  const dealer = await DealerEnd.open(t, at.runtime, router.endpoint, '?name')
  await until(() => dealer.frames === 1)
  const frames = 2000
  // over TCP an answer to a peer that has closed comes back as a reset, which takes what is not read yet
  const mark = at.transport === 'tcp' ? '' : '?'
  for (let count = 1; count <= frames; count++) dealer.send(`${mark}${count}`)
  await dealer.socket.close(1000)
  await until(() => router.gone.length === 1)
  t.equal(router.frames, frames + 1)
  t.strictSame(router.events.slice(-2), [`${mark}${frames}`, 'gone'])
  t.strictSame([...router.reasons, ...router.errors], [])
})

eachTransport(
  t,
  'a peer whose process is killed',
  async (t, { runtime, bind }) => {
    const router = await RouterEnd.open(t, runtime, bind)
    // without tap's recorder of processes
    const args = ['-u', 'NODE_OPTIONS', process.execPath, ...loader, program, router.endpoint]
    const child = spawn('env', args, { stdio: ['ignore', 'inherit', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    await until(() => router.frames === 1)
    const peer = router.peerOf('child')
    child.kill('SIGKILL')
    await until(() => router.gone.length === 1)
    t.strictSame(router.gone, [peer])
    t.equal(router.socket.peers, 0)
  },
  ['ipc', 'tcp'],
)

t.test('a peer whose connection is reset, while another stays', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const router = await RouterEnd.open(t, runtime, bind)
  const proxy = await ChaosProxy.open(router.endpoint)
  t.teardown(() => proxy.close())
  const near = await DealerEnd.open(t, runtime, router.endpoint, '?near')
  const far = await DealerEnd.open(t, runtime, proxy.endpoint, '?far')
  await until(() => near.frames === 1 && far.frames === 1)
  const peer = router.peerOf('?far')
  proxy.cut()
  await until(() => router.gone.length === 1 && far.frames === 2)
  t.strictSame(router.gone, [peer])
  t.equal(router.socket.peers, 2)
  router.socket.send(router.peerOf('?near'), Buffer.from('still here'))
  await until(() => near.frames === 2)
  t.strictSame(near.events, ['up'])
  t.strictSame(router.errors, [], 'a peer that hurries back was not refused')
})

eachTransport(t, 'a frame to a peer that has gone, before the news of it is read', async (t, { runtime, bind }) => {
  const router = await RouterEnd.open(t, runtime, bind)
  const dealer = await DealerEnd.open(t, runtime, router.endpoint, '?hello')
  await until(() => dealer.frames === 1)
  const peer = router.peerOf('?hello')
  dealer.socket.close(0)
  // no turn of the event loop: the news cannot be read; the library hears of it by and by
  for (let round = 0; round < 200 && router.gone.length === 0; round++) {
    for (let count = 0; count < 100; count++) router.socket.send(peer, Buffer.from('is anybody there?'))
    await undefined
  }
  await until(() => router.gone.length === 1 && router.socket.peers === 0)
  t.strictSame(router.gone, [peer])
  t.strictSame(router.reasons, [])
})

eachTransport(
  t,
  'a peer that does not read is taken for gone, and heard no more',
  async (t, { runtime, bind }) => {
    const router = await RouterEnd.open(t, runtime, bind)
    const good = await DealerEnd.open(t, runtime, router.endpoint, '?good')
    const raw = stranger(t, router.endpoint, { receiveHighWaterMark: 1 })
    await raw.send('flood me')
    await until(() => router.frames === 2 && good.frames === 1)
    const peer = router.peerOf('flood me')
    const frame = Buffer.alloc(10_000)
    while (router.gone.length === 0) {
      for (let count = 0; count < 100; count++) router.socket.send(peer, frame)
      await undefined
    }
    t.strictSame(router.gone, [peer])
    t.match(router.reasons, [{ code: 'RIVULET_TRANSPORT_FAILED', cause: { code: 'EAGAIN' } }])
    await raw.send('what now?')
    good.send('?fine')
    await until(() => good.frames === 2)
    t.equal(router.events.includes('what now?'), false)
    t.equal(router.socket.peers, 2)
    raw.close()
    await until(() => router.socket.peers === 1)
    t.equal(router.gone.length, 1, 'it is told once')
  },
  ['ipc', 'tcp'],
)

const bad: Record<string, Buffer[]> = {
  'two parts': [Buffer.from('a'), Buffer.from('b')],
  'a message of REQ': [Buffer.alloc(0), Buffer.from('a')],
  'a hundred parts': Array.from({ length: 100 }, () => Buffer.from('x')),
  'a forged goodbye of two parts': [Buffer.from('x'), disconnectMessage],
}

eachTransport(
  t,
  'messages of several parts are told, and harm nobody',
  async (t, { runtime, bind }) => {
    const router = await RouterEnd.open(t, runtime, bind)
    const good = await DealerEnd.open(t, runtime, router.endpoint, '?good')
    const raw = stranger(t, router.endpoint)
    for (const parts of Object.values(bad)) await raw.send(parts)
    await raw.send('?fine')
    await until(() => router.frames === 2 && good.frames === 1)
    t.equal(String(await raw.receive()), '?fine')
    t.strictSame(
      router.bad.map(({ code, message }) => `${code} ${message}`),
      Object.values(bad).map(({ length }) => `RIVULET_BAD_FRAME a message of ${length} parts`),
    )
    t.strictSame(router.gone, [])
  },
  ['ipc', 'tcp'],
)

eachTransport(
  t,
  'a frame that is too large cuts its own connection alone',
  async (t, { runtime, bind }) => {
    const router = await RouterEnd.open(t, runtime, bind)
    const good = await DealerEnd.open(t, runtime, router.endpoint, '?good')
    const raw = stranger(t, router.endpoint, { reconnectInterval: -1 })
    await raw.send('small')
    await until(() => router.frames === 2)
    await raw.send(Buffer.alloc(maxFrameBytes + 1))
    await until(() => router.gone.length === 1)
    t.strictSame(router.gone, [router.peerOf('small')])
    good.send('?fine')
    await until(() => good.frames === 2)
    t.equal(router.frames, 3)
  },
  ['ipc', 'tcp'],
)

t.test('who speaks no ZeroMQ is no peer', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const router = await RouterEnd.open(t, runtime, bind)
  const good = await DealerEnd.open(t, runtime, router.endpoint, '?good')
  const greeting = Buffer.alloc(64, 0xff)
  // what a browser says could be the greeting of ZMTP 1.0, which libzmq still speaks
  for (const bytes of [greeting, Buffer.from('GET / HTTP/1.1\r\n\r\n'.repeat(10)), Buffer.alloc(0)]) {
    const socket = connect(Number(router.endpoint.split(':').at(-1)), '127.0.0.1')
    socket.on('error', () => {}).resume()
    socket.write(bytes)
    if (bytes === greeting) await until(() => router.errors.length > 0)
    socket.end()
    await until(() => socket.closed)
  }
  good.send('?fine')
  await until(() => good.frames === 2)
  t.match(router.errors, [{ code: 'RIVULET_HANDSHAKE_FAILED' }])
  await until(() => router.socket.peers === 1)
  t.equal(router.links.connected, 1)
})
