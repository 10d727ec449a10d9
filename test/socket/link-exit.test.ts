/** Whether links let the process end, and what they leave behind: children that hold sockets, and rounds of opening. */
import { readdirSync } from 'node:fs'
import t from 'tap'
import { createRuntime } from '../../src/runtime/index.js'
import { complaint, type Ended, loader, moduleUrl, runModule } from '../child-process.js'
import { until } from '../support/events.js'
import { eachTransport } from '../support/transports.js'
import { DealerEnd, RouterEnd } from './link-ends.js'

const url = (path: string) => JSON.stringify(moduleUrl(path))

const prelude = `
const { systemClock } = await import(${url('src/clock/index.ts')})
const { createRuntime } = await import(${url('src/runtime/index.ts')})
const { Links } = await import(${url('src/resource/links.ts')})
const { DealerSocket, RouterSocket } = await import(${url('src/socket/index.ts')})
const fail = (error) => { throw error }
const environment = { name: 'link', runtime: createRuntime(), links: new Links({ resource: () => 'link', clock: systemClock, onRefused: fail }), insecure: false, onError: fail, maxFrameBytes: 1000 }
const handler = { onFrame() {}, onBad() {}, onGone() {}, onUp() {} }
const hello = Buffer.from('hello')
async function pair(bind, unreferenced, onFrame = () => {}) {
  const router = await RouterSocket.open({ ...environment, bind: [bind] }, { ...handler, onFrame })
  const dealer = await DealerSocket.open({ ...environment, connect: { address: router.endpoints[0], serverKeys: [] } }, { ...handler, onUp: () => dealer.send('', hello) })
  for (const socket of [router, dealer]) {
    if (unreferenced) socket.unref()
    socket.start()
  }
  return { router, dealer }
}
process.on('exit', () => console.log('exit'))
`

function child(text: string, ...nodeArgs: string[]): Promise<Ended> {
  return runModule(prelude + text, process.cwd(), ...loader, ...nodeArgs)
}

t.test('what was closed, or is unreferenced, leaves the process free to end', async (t) => {
  const text = `
    for (const bind of ['tcp://127.0.0.1:*', 'inproc://a']) {
      let arrived
      const frame = new Promise((resolve) => { arrived = resolve })
      const { router, dealer } = await pair(bind, false, arrived)
      await frame
      dealer.close(100)
      router.close(100)
    }
    const nobody = await DealerSocket.open({ ...environment, connect: { address: 'tcp://127.0.0.1:9', serverKeys: [] } }, handler)
    nobody.start()
    await new Promise(setImmediate)
    nobody.unref()
    await pair('tcp://127.0.0.1:*', true)
    console.log('open')`
  const ended = await child(text)
  t.equal(complaint(ended), undefined)
  t.equal(ended.stdout, 'open\nexit\n')
})

t.test('an open socket keeps the process alive; an unreferenced one still moves frames', async (t) => {
  const text = `
    const silent = await DealerSocket.open({ ...environment, connect: { address: 'tcp://127.0.0.1:9', serverKeys: [] } }, handler)
    silent.start()
    silent.unref()
    silent.ref()
    let frames = 0
    const { router, dealer } = await pair('tcp://127.0.0.1:*', true, (peer) => {
      if (++frames < 100) dealer.send('', hello)
      else setTimeout(() => {
        console.log('alive', frames)
        for (const socket of [silent, router, dealer]) socket.close(0)
      }, 1200).unref()
    })`
  const ended = await child(text)
  t.equal(complaint(ended), undefined)
  t.equal(ended.stdout, 'alive 100\nexit\n')
})

t.test('sockets that nobody refers to are not collected', async (t) => {
  const text = `
    let frames = 0
    await pair('tcp://127.0.0.1:*', false, () => {
      frames += 1
      console.log('frame', frames)
      process.exit(0)
    })
    for (let round = 0; round < 5; round++) gc()`
  const ended = await child(text, '--expose-gc')
  t.equal(complaint(ended), undefined)
  t.equal(ended.stdout, 'frame 1\nexit\n')
})

t.test(
  'a socket with half a monitor is neither monitored again nor collected, which would stop the library',
  async (t) => {
    const text = `
    const { createNative, observe } = await import(${url('src/socket/native.ts')})
    const runtime = createRuntime({ maxSockets: 8 })
    const router = await RouterSocket.open({ ...environment, runtime, bind: ['tcp://127.0.0.1:*'] }, handler)
    const settings = { kind: 'pull', sendHighWaterMark: 1, receiveHighWaterMark: 1, maxFrameBytes: 1000, ipv6: false }
    // of three times eight that the library allows, the router has three, and one is left for the first half
    const natives = Array.from({ length: 20 }, () => createNative(runtime, settings))
    for (let tries = 0; tries < 2; tries++) {
      try {
        observe(natives[0])
      } catch (error) {
        console.log(error.message)
      }
    }
    natives.length = 0
    for (let round = 0; round < 5; round++) {
      gc()
      await new Promise(setImmediate)
    }
    router.close(0)
    await router.released
    console.log('closed')`
    const ended = await child(text, '--expose-gc')
    t.equal(complaint(ended), undefined)
    t.equal(ended.stdout, 'Too many open file descriptors\nthe socket has half a monitor\nclosed\nexit\n')
  },
)

const descriptors = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0)

eachTransport(t, 'a hundred rounds of opening and closing leave nothing', async (t, { bind }) => {
  const runtime = createRuntime()
  const router = await RouterEnd.open(t, runtime, bind)
  const round = async (count: number) => {
    const dealer = await DealerEnd.open(t, runtime, router.endpoint, '?hello')
    await until(() => dealer.frames === 1)
    dealer.socket.reconnect()
    await until(() => dealer.frames === 2)
    dealer.socket.close(0)
    await until(() => router.gone.length === 2 * count)
  }
  for (let count = 1; count <= 5; count++) await round(count)
  const before = descriptors()
  for (let count = 6; count <= 100; count++) await round(count)
  // the library frees them a moment after `close`, in a thread of its own; it keeps a few of the last round's
  await until(() => descriptors() <= before + 20)
  t.equal(router.socket.peers, 0)
  await until(() => router.links.connected === 0)
  await runtime.close()
})
