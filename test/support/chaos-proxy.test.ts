/** The proxy does what it is told: a suite that trusts in a fault that never happens proves nothing. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { ChaosProxy } from './chaos-proxy.js'
import { until } from './events.js'
import { seeded } from './seeded.js'

/** A client of a server behind a proxy, and all that either side has heard. */
class Line {
  readonly proxy: ChaosProxy
  readonly client: Socket
  /** The server's side. */
  readonly server: Socket
  readonly atClient: Heard
  readonly atServer: Heard

  constructor(proxy: ChaosProxy, client: Socket, server: Socket) {
    this.proxy = proxy
    this.client = client
    this.server = server
    this.atClient = new Heard(client)
    this.atServer = new Heard(server)
  }

  static async open(t: Test, seed?: number): Promise<Line> {
    const listener = createServer()
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const proxy = await ChaosProxy.open((listener.address() as AddressInfo).port, seed)
    const client = connect(proxy.port, '127.0.0.1')
    const [server] = (await once(listener, 'connection')) as [Socket]
    t.teardown(async () => {
      await proxy.close()
      listener.close()
    })
    return new Line(proxy, client, server)
  }
}

class Heard {
  text = ''
  ended: 'end' | 'reset' | undefined

  constructor(socket: Socket) {
    socket.setEncoding('latin1').on('data', (text: string) => {
      this.text += text
    })
    socket.on('error', () => {})
    socket.once('close', (failed) => {
      this.ended = failed ? 'reset' : 'end'
    })
  }

  async whenHeard(text: string): Promise<void> {
    await until(() => this.text.endsWith(text))
  }
}

t.test('without a fault, all passes both ways, and so does the end', async (t) => {
  const { client, server, atClient, atServer, proxy } = await Line.open(t)
  client.write('up')
  server.write('down')
  await Promise.all([atServer.whenHeard('up'), atClient.whenHeard('down')])
  t.match(proxy.endpoint, new RegExp(`^tcp://127.0.0.1:${proxy.port}$`))
  client.end('last')
  await until(() => atServer.ended !== undefined)
  t.match({ ...atServer }, { text: 'uplast', ended: 'end' })
  await until(() => proxy.connections === 0)
})

t.test('connections are cut with a reset or with an end', async (t) => {
  for (const how of ['reset', 'end'] as const) {
    const { atClient, atServer, proxy } = await Line.open(t)
    await until(() => proxy.connections === 1)
    proxy.cut(how)
    await until(() => atClient.ended !== undefined && atServer.ended !== undefined)
    t.strictSame([atClient.ended, atServer.ended], [how, how])
    t.equal(proxy.connections, 0)
  }
})

t.test('new connections are refused, and the target hears nothing of them', async (t) => {
  const { proxy, atClient } = await Line.open(t)
  proxy.set({ refuse: true })
  const heard = new Heard(connect(proxy.port, '127.0.0.1'))
  await until(() => heard.ended !== undefined)
  t.equal(heard.ended, 'reset')
  t.equal(proxy.accepted, 2)
  t.equal(proxy.connections, 1)
  t.equal(atClient.ended, undefined, 'an old connection stays')
})

t.test('a black hole swallows one way or both, and what lost bytes is reset after it', async (t) => {
  for (const blackHole of ['up', 'down', 'both'] as const) {
    const { client, server, atClient, atServer, proxy } = await Line.open(t)
    proxy.set({ blackHole })
    client.write('123')
    server.write('45')
    const lost = { up: 3, down: 2, both: 5 }[blackHole]
    await until(() => proxy.swallowed === lost)
    if (blackHole === 'up') await atClient.whenHeard('45')
    if (blackHole === 'down') await atServer.whenHeard('123')
    t.equal(atClient.text.length + atServer.text.length, 5 - lost)
    proxy.calm()
    const [late, heard] = blackHole === 'down' ? [server, atClient] : [client, atServer]
    late.write('late')
    await until(() => atClient.ended !== undefined && atServer.ended !== undefined)
    t.notMatch(heard.text, 'late')
    t.strictSame([atClient.ended, atServer.ended], ['reset', 'reset'])
    t.equal(proxy.swallowed, lost, 'it is remembered')
  }
})

t.test('the end of a connection vanishes in a black hole until that is closed', async (t) => {
  const { client, server, atServer, atClient, proxy } = await Line.open(t)
  proxy.set({ blackHole: 'up' })
  client.destroy()
  await until(() => atClient.ended !== undefined)
  server.write('are you there?')
  t.equal(atServer.ended, undefined)
  proxy.calm()
  await until(() => atServer.ended !== undefined)
  t.equal(proxy.connections, 0)
})

t.test('bytes are late, in order, and as slow as they are told to be', async (t) => {
  const { client, atServer, proxy } = await Line.open(t)
  proxy.set({ delayMs: 30, jitterMs: 20 })
  let begin = performance.now()
  for (const digit of '0123456789') client.write(digit)
  await atServer.whenHeard('9')
  t.equal(atServer.text, '0123456789')
  t.ok(performance.now() - begin >= 29)
  proxy.calm().set({ bytesPerSecond: 1_000_000 })
  begin = performance.now()
  client.write(Buffer.alloc(100_000, 'x'))
  await until(() => atServer.text.length === 100_010)
  t.ok(performance.now() - begin >= 90)
})

t.test('a sender feels that the connection is slow', async (t) => {
  const { client, proxy, atServer } = await Line.open(t)
  proxy.set({ delayMs: 100 })
  // more than the system holds of a connection that is read slowly, both ends together
  const size = 32_000_000
  t.notOk(client.write(Buffer.alloc(size, 'x')))
  await once(client, 'drain')
  t.ok(atServer.text.length > 0, 'not everything was taken in before the first bytes came out')
  proxy.calm()
  await until(() => atServer.text.length === size)
})

t.test('bits are flipped as the seed says', async (t) => {
  const garbled = async (seed: number) => {
    const { client, atServer, proxy } = await Line.open(t, seed)
    proxy.set({ flipChance: 1 })
    client.write(Buffer.alloc(64))
    await until(() => atServer.text.length === 64)
    return atServer.text
  }
  const [one, again, other] = [await garbled(1), await garbled(1), await garbled(2)]
  t.equal(one, again)
  t.not(one, other)
  const bits = [...one].reduce((sum, char) => sum + (char.charCodeAt(0).toString(2).match(/1/g)?.length ?? 0), 0)
  t.equal(bits, 1)
})

t.test('a seed repeats its numbers, which are spread evenly', async (t) => {
  const numbers = (seed: number) => {
    const random = seeded(seed)
    return Array.from({ length: 1000 }, () => random())
  }
  t.strictSame(numbers(7), numbers(7))
  t.not(numbers(7)[0], numbers(8)[0])
  const mean = numbers(7).reduce((sum, one) => sum + one) / 1000
  t.ok(mean > 0.45 && mean < 0.55)
  t.ok(numbers(7).every((one) => one >= 0 && one < 1))
})
