/** What patterns are promised of streams: order, room, fragments, and nothing left behind. */
import t from 'tap'
import { bufferFull, spareBytes } from '../../src/avro/codec.js'
import { itemFlag } from '../../src/session/item.js'
import { bodyOf, LinkPair, settings } from './link-pair.js'

const { last } = itemFlag
const large = { ...settings.limits, itemBytes: 16_777_216, assemblyBytes: 67_108_864 }
const largeSettings = { limits: large, outboxBytes: 33_554_432 }
const { streamWindowBytes, windowBytes } = settings.limits

/** Lets what is under way to the acceptor arrive, and its answers, frame by frame, until something is so. */
function until(link: LinkPair, isSo: () => boolean): number {
  for (let frames = 0; ; frames++) {
    if (isSo()) return frames
    link.flush()
    const frame = link.toAcceptor.shift()
    if (!frame) return Number.POSITIVE_INFINITY
    link.acceptor.receive(link.peer, frame)
    link.flush()
    for (const answer of link.toDialer.splice(0)) link.dialer.receive(answer)
  }
}

t.test('one turn is one frame, however many items', async (t) => {
  const link = new LinkPair().connect()
  for (let stream = 1; stream <= 500; stream++) link.client.send(stream, `${stream}`, last)
  link.flush()
  t.equal(link.toAcceptor.length, 1)
  link.settle()
  t.equal(link.server.items.length, 500)
  t.equal(link.client.session.streamStates, 0)
  t.equal(link.server.session.streamStates, 0)
})

t.test('a large item goes in fragments and arrives whole', async (t) => {
  const link = new LinkPair().connect()
  const body = Buffer.from(Array.from({ length: 300_001 }, (_, index) => index % 251))
  link.client.send(1, body, last)
  link.client.send(3, '')
  link.settle()
  t.strictSame(
    link.server.items.map(({ stream, flags }) => ({ stream, flags })),
    [
      { stream: 3, flags: 0 },
      { stream: 1, flags: last },
    ],
  )
  t.ok(link.server.items[1]?.body.equals(body))
})

t.test('no frame is larger than the protocol allows', async (t) => {
  const link = new LinkPair().connect()
  for (const size of [65_535, 65_500, 33_000, 30_000, 70_000, 1, 65_507]) link.client.send(size, Buffer.alloc(size))
  const sizes: number[] = []
  const seen = link.toAcceptor.push.bind(link.toAcceptor)
  link.toAcceptor.push = (...frames) => {
    sizes.push(...frames.map(({ length }) => length))
    return seen(...frames)
  }
  link.settle()
  t.equal(link.server.items.length, 7)
  t.ok(Math.max(...sizes) <= 131_072, `${Math.max(...sizes)}`)
})

t.test('a small item beside one of 16 MiB leaves within a fragment or two', async (t) => {
  const link = new LinkPair({ dialer: largeSettings, acceptor: largeSettings }).connect()
  link.client.send(1, Buffer.alloc(16_777_216))
  let frames = 0
  until(link, () => frames++ === 100)
  const underWay = link.toAcceptor.length
  link.client.send(3, 'small')
  const later = until(link, () => link.server.texts.includes('small'))
  t.ok(later <= underWay + 3, `${later} frames later, with ${underWay} under way`)
  t.equal(link.server.items.length, 1, 'long before the large one')
  link.settle()
  t.equal(link.server.items.length, 2)
})

t.test('streams that have much to say take turns', async (t) => {
  const link = new LinkPair({ dialer: largeSettings, acceptor: largeSettings }).connect()
  for (const stream of [1, 2, 3]) link.client.send(stream, Buffer.alloc(1_000_000), last)
  link.settle()
  t.strictSame(
    link.server.items.map(({ stream }) => stream),
    [1, 2, 3],
  )
  // each was begun before the first was whole
  const again = new LinkPair({ dialer: largeSettings, acceptor: largeSettings }).connect()
  again.client.send(1, Buffer.alloc(1_000_000), last)
  again.client.send(2, Buffer.alloc(100_000), last)
  again.settle()
  t.strictSame(
    again.server.items.map(({ stream }) => stream),
    [2, 1],
  )
})

t.test('no more large items at once than the peer can hold', async (t) => {
  const limits = { ...settings.limits, assemblyBytes: 1_000_000 }
  const link = new LinkPair({ acceptor: { limits } }).connect()
  for (const stream of [1, 2, 3]) link.client.send(stream, Buffer.alloc(900_000), last)
  link.client.send(4, Buffer.alloc(100_000), last)
  link.settle()
  t.equal(link.server.session.status, 'live')
  t.equal(link.server.items.length, 4)
})

t.test('urgent items go before all that wait', async (t) => {
  const link = new LinkPair().connect()
  for (let index = 0; index < 20; index++) link.client.send(index + 1, Buffer.alloc(50_000))
  link.client.send(99, 'urgent', 0, 9)
  const before = link.toAcceptor.length
  link.flush()
  t.ok(until(link, () => link.server.texts.includes('urgent')) <= before + 1)
  t.ok(link.server.items.length < 10)
  t.throws(() => link.client.send(99, Buffer.alloc(1025), 0, 9), { code: 'RIVULET_MESSAGE_TOO_LARGE' })
})

t.test('urgent items take no credit, and may stand between fragments', async (t) => {
  const link = new LinkPair().connect()
  link.client.send(1, Buffer.alloc(900_000))
  until(link, () => link.server.session.heldBytes > 100_000)
  for (let count = 0; count < 300; count++) link.client.send(1, Buffer.alloc(1000), 0, 10)
  link.settle()
  t.equal(link.server.session.status, 'live')
  t.equal(link.server.items.filter(({ kind }) => kind === 10).length, 300)
  t.equal(link.server.items.find(({ kind }) => kind === 20)?.body.length, 900_000)
})

t.test('credit: a stream stops where its reader does, others go on', async (t) => {
  const link = new LinkPair().connect()
  const { client, server } = link
  let sent = 0
  while (client.session.isWritable(1)) {
    client.send(1, Buffer.alloc(1000))
    sent += 1000
  }
  t.equal(sent, Math.ceil(streamWindowBytes / 1000) * 1000)
  link.settle()
  t.strictSame(client.writable, [])
  client.send(2, 'another')
  link.settle()
  t.equal(server.texts.at(-1), 'another')
  server.session.consumed(1, streamWindowBytes / 2 - 1000)
  link.settle()
  t.strictSame(client.writable, [], 'credit comes back by halves')
  server.session.consumed(1, 1000)
  link.settle()
  t.strictSame(client.writable, [1])
  t.equal(client.session.isWritable(1), true)
})

t.test('an item larger than the window of its stream goes as soon as there is any credit', async (t) => {
  const link = new LinkPair().connect()
  for (let round = 0; round < 3; round++) {
    link.client.send(1, Buffer.alloc(700_000))
    link.settle()
    t.equal(link.server.items.length, round + 1)
    link.server.session.consumed(1, 700_000)
    link.settle()
  }
})

t.test('the window of the link: what is not acknowledged is bounded, and room is told', async (t) => {
  const link = new LinkPair().connect()
  const { client } = link
  let stream = 1
  for (; client.session.isWritable(stream); stream++) client.send(stream, Buffer.alloc(1000), last)
  link.flush()
  const sent = link.toAcceptor.reduce((sum, frame) => sum + frame.length, 0)
  t.ok(sent < windowBytes + 65_536 + 1000, `${sent} bytes`)
  t.strictSame(client.writable, [])
  link.settle()
  t.strictSame(client.writable, [stream])
})

t.test('a full outbox takes no more, and tells when it does', async (t) => {
  const link = new LinkPair({ dialer: { outboxBytes: 500_000 } }).connect()
  const { client } = link
  const refuse = () => client.send(9, Buffer.alloc(100_000))
  for (let stream = 1; stream < 6; stream++) client.send(stream, Buffer.alloc(100_000))
  t.throws(refuse, { code: 'RIVULET_OUTBOX_FULL' })
  client.send(7, 'what can leave at once needs no outbox')
  link.settle()
  t.strictSame(client.writable, [9])
  refuse()
  link.settle()
  t.equal(link.server.items.length, 7)
})

t.test('large items keep no small ones out of the outbox', async (t) => {
  const link = new LinkPair({ dialer: { outboxBytes: 500_000 } }).connect()
  const { client } = link
  for (let stream = 1; stream < 4; stream++) client.send(stream, Buffer.alloc(200_000))
  t.throws(() => client.send(9, Buffer.alloc(100_000)), { code: 'RIVULET_OUTBOX_FULL' })
  for (let stream = 11; stream < 21; stream++) client.send(stream, 'small')
  link.settle()
  t.equal(link.server.items.filter(({ body }) => body.length < 100).length, 10)
  t.strictSame(client.writable, [9])
})

t.test('room in the outbox is told, too, when a stream is forgotten', async (t) => {
  const link = new LinkPair({ dialer: { outboxBytes: 100_000 } }).connect()
  const { client } = link
  client.send(1, Buffer.alloc(streamWindowBytes))
  link.settle()
  client.send(1, Buffer.alloc(200_000)) // which has no credit
  t.throws(() => client.send(2, Buffer.alloc(70_000)), { code: 'RIVULET_OUTBOX_FULL' })
  client.session.forget(1)
  link.settle()
  t.strictSame(client.writable, [2])
})

t.test('an item that is too large for the peer is refused, whole', async (t) => {
  const link = new LinkPair().connect()
  const { client } = link
  const { itemBytes } = settings.limits
  for (const size of [itemBytes + 1, itemBytes * 5]) {
    t.throws(() => client.send(1, Buffer.alloc(size)), { code: 'RIVULET_MESSAGE_TOO_LARGE' })
  }
  client.send(1, Buffer.alloc(itemBytes))
  link.settle()
  t.strictSame(
    link.server.items.map(({ body }) => body.length),
    [itemBytes],
  )
})

t.test('an item of the greatest size may want spare room, now or while it waits', async (t) => {
  const { itemBytes } = settings.limits
  for (const connected of [true, false]) {
    const link = new LinkPair()
    if (connected) link.connect()
    const written = (size: number) => ({
      writeBody(bytes: Buffer, _view: DataView, position: number, end: number): number {
        if (position + size + spareBytes > end) throw bufferFull
        bytes.fill(1, position, position + size)
        return position + size
      },
    })
    link.client.session.send(1, 20, 0, written(itemBytes))
    t.throws(() => link.client.session.send(1, 20, 0, written(itemBytes + 1)), { code: 'RIVULET_MESSAGE_TOO_LARGE' })
    if (!connected) link.connect()
    link.settle()
    t.strictSame(
      link.server.items.map(({ body }) => body.length),
      [itemBytes],
    )
  }
})

t.test('a body that throws leaves nothing behind, now or while it waits', async (t) => {
  for (const connected of [true, false]) {
    const link = new LinkPair()
    if (connected) link.connect()
    const { session } = link.client
    const wrong = new Error('does not fit its schema')
    const body = {
      writeBody(bytes: Buffer, _view: DataView, position: number, end: number): number {
        if (end - position < 300) throw bufferFull
        bytes.fill(1, position, position + 300)
        throw wrong
      },
    }
    link.client.send(1, 'before')
    t.throws(() => session.send(2, 20, 0, body), wrong)
    t.throws(() => session.send(1, 20, 0, body), wrong)
    t.throws(() => session.send(1, 9, 0, body), wrong)
    link.client.send(1, 'after', last)
    if (!connected) link.connect()
    link.settle()
    t.strictSame(link.server.texts, ['before', 'after'])
    t.equal(session.streamStates, 0)
  }
})

t.test('a body that sends while it is written spoils nothing', async (t) => {
  const link = new LinkPair().connect()
  const { client } = link
  client.session.send(1, 20, 0, {
    writeBody(bytes, view, position, end) {
      if (position + 5 <= end) client.send(1, 'inner')
      client.send(2, 'other')
      client.send(3, 'urgent', 0, 9)
      link.dialer.flush()
      return bodyOf('outer').writeBody(bytes, view, position, end)
    },
  })
  link.settle()
  const { items } = link.server
  t.strictSame(
    items.filter(({ stream }) => stream === 1).map(({ body }) => body.toString()),
    ['outer', 'inner'],
  )
  t.strictSame(link.server.texts.toSorted(), ['inner', 'other', 'outer', 'urgent'])
})

t.test('what waits on a forgotten stream is never seen; what had begun is given up', async (t) => {
  const link = new LinkPair().connect()
  const { client, server } = link
  client.send(1, Buffer.alloc(800_000))
  client.send(2, Buffer.alloc(700_000))
  until(link, () => server.session.heldBytes > 100_000)
  client.session.forget(1)
  client.session.forget(2)
  client.send(1, 'again, of the same kind', last)
  link.settle()
  t.strictSame(server.texts, ['again, of the same kind'])
  link.pass(1000)
  t.match(
    [client.session, server.session],
    [
      { heldBytes: 0, streamStates: 0 },
      { heldBytes: 0, streamStates: 0 },
    ],
  )
})

t.test('what still comes on a forgotten stream is told again, and forgotten again', async (t) => {
  const link = new LinkPair().connect()
  const { client, server } = link
  client.send(1, 'one')
  link.settle()
  server.session.forget(1)
  client.send(1, 'two')
  client.send(1, Buffer.alloc(200_000))
  link.settle()
  t.equal(server.items.length, 3)
  t.equal(server.session.streamStates, 1)
  server.session.forget(1)
  client.session.forget(1)
  t.match([client.session, server.session], [{ streamStates: 0 }, { streamStates: 0 }])
})

t.test('unsent: only what has not left, whatever waits behind it', async (t) => {
  const link = new LinkPair().connect()
  const { session } = link.client
  t.equal(session.isUnsent(1), false, 'nothing was sent')
  link.client.send(1, 'left')
  t.equal(session.isUnsent(1), false)
  for (let stream = 2; stream < 12; stream++) link.client.send(stream, Buffer.alloc(100_000))
  t.equal(session.isUnsent(11), true)
  link.flush()
  t.equal(session.isUnsent(2), false, 'its first fragment has left')
  t.equal(session.isUnsent(11), true)
  link.settle()
  t.equal(session.isUnsent(11), false)
})
