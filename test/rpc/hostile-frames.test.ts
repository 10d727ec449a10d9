/** Peers that send what is no frame, hellos that are wrong, and frames with forged numbers: they alone come to grief. */
import { randomBytes } from 'node:crypto'
import { createConnection } from 'node:net'
import t from 'tap'
import { total, until } from '../support/events.js'
import {
  flags,
  type HelloClaims,
  kinds,
  type LinkClaims,
  linkFrame,
  long,
  requestBody,
} from '../support/link-stranger.js'
import { seeded } from '../support/seeded.js'
import { sealed } from '../support/stranger.js'
import { agreed, besieged, method } from './hostile.js'

/** What avsc writes at the most. */
const largest = Number.MAX_SAFE_INTEGER - 1

const requestOf = (stream: number, id = 1) => ({
  stream,
  kind: kinds.request,
  flags: flags.last,
  body: requestBody(method.get, long(id)),
})

t.test('what is no frame, before and after a hello', async (t) => {
  const { server, codes, stranger, unharmed } = await besieged(t)
  const random = seeded(5)
  const garbage: Buffer[] = [
    Buffer.alloc(0),
    Buffer.from('GET / HTTP/1.1'),
    randomBytes(8),
    Buffer.alloc(1000),
    Buffer.of(0x52, 0x76),
  ]
  for (let kind = 0; kind < 64; kind++) if (kind < 4 || kind > 5) garbage.push(sealed(randomBytes(20), { kind }))
  const early = stranger()
  for (const bytes of garbage) await early.send(bytes)
  await until(() => server.stats().strayFrames === garbage.length)
  t.ok(codes.length > 0 && codes.every((code) => ['RIVULET_BAD_FRAME', 'RIVULET_CORRUPT_FRAME'].includes(code)))
  await early.enter()
  t.equal(server.stats().sessions, 2, 'a hello is still welcome')
  // each of these costs the connection, or the session, of who sent it
  for (const bytes of garbage) {
    const late = await stranger().enter()
    await late.send(bytes)
    t.ok(['reset', 'violation'].includes(await late.refused()))
    late.close()
  }
  // a right frame with one bit turned is never taken for another
  const right = linkFrame({ sequence: 1 }, requestOf(1))
  for (let count = 0; count < 50; count++) {
    const late = await stranger().enter()
    const bytes: Buffer = Buffer.from(right)
    const bit = Math.floor(random() * bytes.length * 8)
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
    await late.send(bytes)
    t.equal(await late.refused(), 'reset')
    late.close()
  }
  // each is counted, also those that are not reported any more
  const { rejectedFrames } = server.stats()
  t.equal(total(rejectedFrames), 2 * garbage.length + 50)
  t.strictSame(Object.keys(rejectedFrames).sort(), ['bad-frame', 'corrupt-frame'])
  await unharmed(t)
})

t.test('messages of several parts, and frames that are too large', async (t) => {
  const { server, codes, stranger, unharmed } = await besieged(t)
  const one = stranger()
  await one.send(Buffer.from('a'), Buffer.from('b'))
  await until(() => codes.includes('RIVULET_BAD_FRAME'))
  const two = await stranger().enter()
  await two.send(linkFrame({}), linkFrame({}))
  t.equal(await two.refused(), 'reset')
  const three = await stranger().enter()
  const { sessions } = server.stats()
  await three.send(Buffer.alloc(131_073))
  await until(() => codes.includes('RIVULET_TRANSPORT_FAILED') || server.connected <= 3)
  const four = await agreed(stranger())
  const large = Buffer.alloc(131_000 - 2000)
  await four.items([{ stream: 1, kind: kinds.item, flags: 0, body: large }])
  await four.items([requestOf(3)])
  t.ok((await four.item(kinds.item)).stream === 3, 'a frame up to the limit is taken')
  t.ok(sessions >= 3)
  await unharmed(t)
})

t.test('bytes that are not ZeroMQ at all', async (t) => {
  const { server, unharmed } = await besieged(t)
  const port = Number(server.endpoint.split(':').at(-1))
  const greeting = Buffer.concat([Buffer.of(0xff), Buffer.alloc(8), Buffer.of(0x7f, 3, 0), Buffer.from('NULL')])
  for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), randomBytes(10_000), greeting, Buffer.alloc(0)]) {
    const socket = createConnection(port, '127.0.0.1')
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    await new Promise<void>((resolve) => socket.write(bytes.length > 0 ? bytes : ' ', () => resolve()))
  }
  await unharmed(t)
})

t.test('hellos that are wrong', async (t) => {
  const { server, stranger, unharmed } = await besieged(t)
  const limits = { itemBytes: 16_777_216, windowBytes: 262_144, streamWindowBytes: 131_072, assemblyBytes: 67_108_864 }
  const refused: [HelloClaims, string][] = [
    [{ minVersion: 2, maxVersion: 3 }, 'version'],
    [{ minVersion: -1, maxVersion: 0 }, 'version'],
    [{ minVersion: 5, maxVersion: 1 }, 'version'],
    [{ resume: true }, 'unknown-session'],
    [{ resume: true, received: 1_000_000 }, 'unknown-session'],
  ]
  for (const [claims, reason] of refused) {
    const one = stranger()
    await one.hello(claims)
    t.equal(await one.refused(), reason)
    await one.enter()
    one.close()
  }
  const strange: HelloClaims[] = [
    { limits: { ...limits, windowBytes: 0 } },
    { limits: { ...limits, itemBytes: -1 } },
    { limits: { ...limits, streamWindowBytes: -5 } },
    { limits: { ...limits, assemblyBytes: 5 } },
    { limits: { ...limits, itemBytes: largest, windowBytes: largest } },
    { received: -1 },
    { received: 7 },
    { connection: -5 },
    { capabilities: Array.from({ length: 1000 }, () => 'fly') },
  ]
  for (const claims of strange) {
    const one = stranger()
    await one.hello(claims)
    // some are welcome and held to our own limits, the others cost nothing but themselves
    const { strayFrames } = server.stats()
    await until(() => one.answers.length > 0 || server.stats().strayFrames > strayFrames)
    one.close()
  }
  t.ok(server.stats().sessions < 30)
  await unharmed(t)
})

t.test('hellos that come twice', async (t) => {
  const { server, stranger, unharmed } = await besieged(t)
  const one = await agreed(stranger())
  await one.hello({ connection: 1 })
  await one.items([requestOf(1)])
  t.equal((await one.item(kinds.item)).stream, 1, 'the second of the same connection is ignored')
  await one.hello({ connection: 2, resume: true, received: one.received })
  t.equal((await one.answer(({ kind }) => kind === 6)).resumed, true)
  await one.items([requestOf(3)])
  t.equal((await one.item(kinds.item)).stream, 3, 'a newer one resumes, also on the same connection')
  await one.hello({ connection: 3 })
  t.equal(await one.refused(), 'violation', 'a session that is under way does not begin again')
  await one.enter({ session: randomBytes(16), connection: 4 })
  await one.enter({ session: randomBytes(16), connection: 5 })
  await one.enter({ session: randomBytes(16), connection: 6 })
  t.equal(server.stats().sessions, 2, 'a connection has one session')
  await unharmed(t)
})

t.test('frames with forged numbers', async (t) => {
  const { server, stranger, unharmed } = await besieged(t)
  const forged: [LinkClaims, string | undefined][] = [
    [{ sequence: 5 }, 'reset'],
    [{ sequence: largest }, 'reset'],
    [{ sequence: 1 }, undefined],
    [{ sequence: 0 }, undefined],
    [{ sequence: -3 }, 'violation'],
    [{ connection: 7 }, undefined],
    [{ connection: -1 }, undefined],
    [{ acknowledged: 1000 }, 'violation'],
    [{ acknowledged: largest }, 'violation'],
    [{ acknowledged: -1 }, 'violation'],
    [{ time: largest }, undefined],
    [{ time: -1_000_000_000_000 }, undefined],
  ]
  for (const [claims, reason] of forged) {
    const one = await agreed(stranger())
    await one.items([requestOf(1)], claims)
    if (reason !== undefined) t.equal(await one.refused(), reason, JSON.stringify(claims))
    else {
      // what is ignored leaves the next number due
      if (claims.sequence !== undefined || claims.connection !== undefined) one.sequence -= 1
      await one.items([requestOf(3)])
      t.equal(
        (await one.answer(({ items }) => items.some(({ stream }) => stream === 3))).kind,
        4,
        JSON.stringify(claims),
      )
    }
    one.close()
  }
  const again = await agreed(stranger())
  await again.items([requestOf(1)])
  await again.item(kinds.item)
  const { started } = server.stats()
  for (let count = 0; count < 10; count++) await again.items([requestOf(1)], { sequence: 2 })
  again.sequence = 2
  await again.items([requestOf(3)])
  t.equal((await again.item(kinds.item)).stream, 3)
  t.ok(server.stats().started >= started, 'what comes twice is not run twice')
  await unharmed(t)
})

t.test('arrays and items that do not add up', async (t) => {
  const { stranger, unharmed } = await besieged(t)
  const header = linkFrame({ sequence: 2, connection: 1 }).subarray(8, -1)
  const bodies = [
    [long(1_000_000_000)], // a count without items
    [long(-5), long(1000)], // a block with a size beyond the frame
    [long(1), long(1), long(kinds.item), long(0), long(1_000_000)], // a body beyond the frame
    [long(1), long(1), long(kinds.item), long(0), long(-1)],
    [long(2), long(1), long(kinds.item), long(0), long(0)],
    [Buffer.alloc(20, 0xff)], // a number without end
    [long(0), Buffer.from('more')],
    [],
  ]
  for (const parts of bodies) {
    const one = await agreed(stranger())
    await one.send(sealed(Buffer.concat([header, ...parts]), { kind: 4 }))
    t.equal(await one.refused(), 'violation')
    one.close()
  }
  await unharmed(t)
})
