/** Links that come back: after the peer restarts, and after failures from which libzmq itself would never return. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { firstValueFrom } from 'rxjs'
import t, { type Test } from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { codesOf, first, linkState } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'

eachTransport(t, 'the binding side restarts, again and again', async (t, { runtime, bind }) => {
  let push = await createPush({ schema: Job, bind, runtime })
  const { endpoint } = push
  const pull = await createPull({ schema: Job, connect: endpoint, runtime })
  const ids: number[] = []
  let seen = () => {}
  pull.messages.subscribe(({ id }) => {
    ids.push(id)
    seen()
  })
  for (let round = 0; round < 4; round++) {
    await Promise.all([push.whenConnected(), pull.whenConnected()])
    const arrived = new Promise<void>((resolve) => {
      seen = resolve
    })
    push.next({ id: round })
    await arrived
    const gone = linkState(pull, 'disconnected')
    await push.close()
    await gone
    t.equal(pull.connected, 0)
    push = await createPush({ schema: Job, bind: endpoint, runtime })
  }
  await pull.whenConnected()
  t.strictSame(ids, [0, 1, 2, 3])
})

eachTransport(t, 'the connecting side restarts', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime })
  for (let round = 0; round < 4; round++) {
    const pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
    await push.whenConnected()
    push.next({ id: round })
    t.equal((await firstValueFrom(pull.messages)).id, round)
    const gone = linkState(push, 'disconnected')
    await pull.close()
    await gone
    t.equal(push.connected, 0)
  }
})

eachTransport(t, 'a binding side that comes last', async (t, { runtime, bind }) => {
  const probe = await createPush({ schema: Job, bind, runtime })
  const { endpoint } = probe
  await probe.close()
  const pull = await createPull({ schema: Job, connect: endpoint, runtime })
  t.equal(pull.connected, 0)
  const push = await createPush({ schema: Job, bind: endpoint, runtime })
  push.next({ id: 5 })
  t.equal((await firstValueFrom(pull.messages)).id, 5)
})

t.test('two endpoints by name: each comes back by itself', async (t) => {
  const runtime = createRuntime()
  t.teardown(() => runtime.close({ drain: false }))
  const open = (bind: string) => createPush({ schema: Job, bind, runtime })
  let one = await open('tcp://127.0.0.1:*')
  const other = await open('tcp://127.0.0.1:*')
  const named = [one, other].map(({ endpoint }) => endpoint.replace('127.0.0.1', 'localhost'))
  const pull = await createPull({ schema: Job, connect: named, runtime })
  await first(pull.links, ({ connected }) => connected === 2)
  const gone = linkState(pull, 'disconnected')
  const { endpoint } = one
  await one.close()
  t.equal((await gone).endpoint, named[0])
  one = await open(endpoint)
  await first(pull.links, ({ connected }) => connected === 2)
  t.equal(pull.connected, 2)
})

eachTransport(t, 'an address can be bound again as soon as its owner is closed', async (t, { runtime, bind }) => {
  let endpoint = bind
  for (let round = 0; round < 40; round++) {
    const push = await createPush({ schema: Job, bind: endpoint, runtime })
    endpoint = push.endpoint
    await push.close()
  }
  const other = bind.startsWith('ipc') ? 'tcp://192.0.2.1:5000' : endpoint
  const twice = createPush({ schema: Job, bind: [endpoint, other], runtime, insecure: true })
  await t.rejects(twice, { code: 'RIVULET_BIND_FAILED' })
  await createPush({ schema: Job, bind: endpoint, runtime })
})

/** ZMTP 3.1: a greeting, with a mechanism of up to 20 bytes. */
function greeting(mechanism: string): Buffer {
  const bytes = Buffer.alloc(64)
  bytes[0] = 0xff
  bytes[9] = 0x7f
  bytes[10] = 3
  bytes[11] = 1
  bytes.write(mechanism, 12, 'latin1')
  return bytes
}

/** ZMTP 3.1: the READY command of a PUSH socket. */
const ready = Buffer.concat([
  Buffer.from([4, 27, 5]),
  Buffer.from('READY'),
  Buffer.from([11]),
  Buffer.from('Socket-Type'),
  Buffer.from([0, 0, 0, 4]),
  Buffer.from('PUSH'),
])

/** The head of a frame that claims to have a terabyte. */
const oversized = Buffer.from([2, 0, 0, 1, 0, 0, 0, 0, 0])

/** A server that says the same to everyone, and its port; it is gone after the first connection ends. */
async function speaker(t: Test, say: (socket: Socket) => void): Promise<{ port: number; gone: Promise<unknown> }> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    say(socket)
    socket.once('close', () => server.close())
    socket.resume()
  })
  t.teardown(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, gone: once(server, 'close') }
}

const failures: [string, string, (socket: Socket) => void][] = [
  ['another mechanism', 'RIVULET_SECURITY_MISMATCH', (socket) => void socket.write(greeting('PLAIN'))],
  ['a mechanism that does not exist', 'RIVULET_SECURITY_MISMATCH', (socket) => void socket.write(greeting('NONSENSE'))],
  [
    'an oversized frame',
    'RIVULET_HANDSHAKE_FAILED',
    (socket) => void socket.write(Buffer.concat([greeting('NULL'), ready, oversized])),
  ],
]

for (const [name, code, say] of failures) {
  t.test(`it connects again after ${name}`, async (t) => {
    const { port, gone } = await speaker(t, say)
    const clock = new VirtualClock()
    const runtime = createRuntime({ clock })
    t.teardown(() => runtime.close({ drain: false }))
    const pull = await createPull({ schema: Job, connect: `tcp://127.0.0.1:${port}`, runtime })
    const codes = codesOf(pull)
    await gone
    await clock.whenArmed()
    t.equal(pull.connected, 0)
    t.strictSame(codes, [code])
    const push = await createPush({ schema: Job, bind: `tcp://127.0.0.1:${port}`, runtime })
    const connected = pull.whenConnected()
    clock.advance(2000)
    await connected
    push.next({ id: 9 })
    t.equal((await firstValueFrom(pull.messages)).id, 9)
  })
}

t.test('no watchdog runs for what is bound, also where events name it otherwise', async (t) => {
  const clock = new VirtualClock()
  const runtime = createRuntime({ clock })
  t.teardown(() => runtime.close({ drain: false }))
  const push = await createPush({ schema: Job, bind: 'tcp://0.0.0.0:*', insecure: true, runtime })
  const connect = push.endpoint.replace('0.0.0.0', '127.0.0.1')
  const pull = await createPull({ schema: Job, connect, runtime: createRuntime() })
  await push.whenConnected()
  const gone = linkState(push, 'disconnected')
  await pull.close()
  await gone
  t.equal(clock.timers, 0)
})

t.test('no timer is left after close', async (t) => {
  const clock = new VirtualClock()
  const runtime = createRuntime({ clock })
  const push = await createPush({ schema: Job, bind: 'tcp://127.0.0.1:*', runtime: createRuntime() })
  const pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
  await pull.whenConnected()
  const gone = linkState(pull, 'disconnected')
  await push.close()
  await gone
  await runtime.close()
  t.equal(clock.timers, 0)
})
