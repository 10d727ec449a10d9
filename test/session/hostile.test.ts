/** Peers that break the rules: what they can make this side do is bounded, they are told, and others go on. */
import t from 'tap'
import { defineSchema } from '../../src/avro/index.js'
import { writeHello } from '../../src/session/handshake.js'
import { itemFlag, sessionKind } from '../../src/session/item.js'
import { LinkHeader, type LinkNumbers } from '../../src/wire/index.js'
import { frameKind, sealFrame } from '../../src/wire/prelude.js'
import { bodyOf, helloOf, itemKind, LinkPair, lost, refusalsIn, settings } from './link-pair.js'

const { more, last, critical } = itemFlag
const { streamWindowBytes, itemBytes, assemblyBytes } = settings.limits
const long = (value: number): Buffer => Buffer.from(defineSchema('long').encode(value))

type Item = readonly [stream: number, kind: number, flags: number, body: Buffer | string]

function framed(kind: number, body: Buffer): Buffer {
  const frame = Buffer.concat([Buffer.alloc(8), body])
  sealFrame(frame, kind, undefined)
  return frame
}

/** A peer that says what a test wants; the acceptor has an honest peer, too. */
class Stranger {
  readonly link = new LinkPair().connect()
  readonly #numbers: LinkNumbers = { connection: 1, sequence: 0, acknowledged: 0, time: 0 }

  constructor(limits = settings.limits) {
    const session = Buffer.alloc(16, 66)
    const rest = { capabilities: [], connection: 1, resume: false, received: 0, limits, extensions: {} }
    this.bytes(writeHello({ minVersion: 1, maxVersion: 1, session, ...rest }))
  }

  /** What the acceptor has of it. */
  get side() {
    const [, side] = this.link.accepted
    if (!side) throw new Error('it has no session')
    return side
  }

  bytes(frame: Buffer): void {
    this.link.acceptor.receive('stranger', frame)
  }

  /** Sends the next frame. */
  send(items: readonly Item[], numbers: Partial<LinkNumbers> = {}): void {
    this.#numbers.sequence += 1
    const parts = items.map(([stream, kind, flags, body]) =>
      Buffer.concat([long(stream), long(kind), long(flags), long(body.length), Buffer.from(body)]),
    )
    const array = items.length > 0 ? [long(items.length), ...parts, long(0)] : [long(0)]
    const header = LinkHeader.encode({ ...this.#numbers, ...numbers })
    this.bytes(framed(frameKind.link, Buffer.concat([header, ...array])))
  }

  /** What it was refused for. */
  get refusals(): string[] {
    return refusalsIn(this.link.elsewhere.map(({ frame }) => frame))
  }
}

const fragment = Buffer.alloc(32_768)

/** What a stranger does, each of it a violation. */
const abuses: Record<string, (stranger: Stranger) => void> = {
  'sends on a stream beyond its credit': (stranger) => {
    for (let sent = 0; sent <= streamWindowBytes; sent += 32_768) stranger.send([[1, itemKind, 0, fragment]])
  },
  'sends its last item beyond its credit': (stranger) => {
    for (let sent = 0; sent < streamWindowBytes; sent += 32_768) stranger.send([[1, itemKind, 0, fragment]])
    stranger.send([[1, itemKind, last, 'x']])
  },
  'sends an item larger than agreed': (stranger) => {
    for (let sent = 0; sent <= itemBytes; sent += fragment.length) stranger.send([[1, itemKind, more, fragment]])
  },
  'begins more items than this side holds': (stranger) => {
    for (let stream = 1; stream * fragment.length <= assemblyBytes + fragment.length; stream++) {
      stranger.send([[stream, itemKind, more, fragment]])
    }
  },
  'sends fragments of a byte': (stranger) => stranger.send([[1, itemKind, more, 'x']]),
  'begins an item within another': (stranger) => {
    stranger.send([[1, itemKind, more, fragment]])
    stranger.send([[1, itemKind + 1, 0, fragment]])
  },
  'acknowledges what was never sent': (stranger) => stranger.send([], { sequence: 0, acknowledged: 1 }),
  'has a negative number': (stranger) => stranger.send([], { sequence: -1 }),
  'acknowledges a negative number': (stranger) => stranger.send([], { sequence: 0, acknowledged: -1 }),
  'returns negative credit': (stranger) => stranger.send([[1, sessionKind.credit, 0, long(-5)]]),
  'returns credit that is no number': (stranger) => stranger.send([[1, sessionKind.credit, 0, Buffer.alloc(20, 0x80)]]),
  'returns credit and more': (stranger) => stranger.send([[1, sessionKind.credit, 0, Buffer.alloc(2)]]),
  'sends a long urgent item': (stranger) => stranger.send([[1, 9, 0, Buffer.alloc(1025)]]),
  'sends an urgent item in fragments': (stranger) => stranger.send([[1, 9, more, Buffer.alloc(100)]]),
  'needs a kind that there is not': (stranger) => stranger.send([[1, 7, critical, '']]),
  'sends a frame of several items that is too large': (stranger) =>
    stranger.send([1, 2, 3].map((stream) => [stream, itemKind, 0, Buffer.alloc(50_000)])),
  'sends garbage with a right check': (stranger) => stranger.bytes(framed(frameKind.link, Buffer.alloc(300, 0xf7))),
  'sends an item beyond its frame': (stranger) => {
    const header = LinkHeader.encode({ connection: 1, sequence: 1, acknowledged: 0, time: 0 })
    stranger.bytes(framed(frameKind.link, Buffer.concat([header, long(1), long(1), long(20), long(0), long(900)])))
  },
  'says a hello that is none': (stranger) => stranger.bytes(framed(frameKind.hello, Buffer.alloc(40, 0xff))),
  'sends what only acceptors send': (stranger) => stranger.bytes(framed(frameKind.welcome, Buffer.alloc(9))),
}

for (const [what, abuse] of Object.entries(abuses)) {
  t.test(`a peer that ${what}`, async (t) => {
    const stranger = new Stranger()
    const { link, side } = stranger
    abuse(stranger)
    t.equal(side.session.status, 'ended')
    t.match(side.reason, /RIVULET_(PROTOCOL_VIOLATION|DECODE_FAILED|BAD_FRAME)/)
    t.strictSame(link.acceptorReports, [side.reason], 'reported once')
    t.strictSame(stranger.refusals, ['violation'], 'and told')
    t.equal(link.acceptor.size, 1)
    stranger.send([[1, itemKind, 0, 'x']])
    t.equal(link.acceptor.strayFrames, 1)
    link.client.send(1, 'honest')
    link.settle()
    t.strictSame(link.accepted[0]?.texts, ['honest'], 'others go on')
  })
}

t.test('the same from an acceptor: the dialer ends the session, and is not driven into a circle', async (t) => {
  const link = new LinkPair().connect()
  const header = LinkHeader.encode({ connection: 1, sequence: 0, acknowledged: 9, time: 0 })
  link.dialer.receive(framed(frameKind.link, Buffer.concat([header, long(0)])))
  t.equal(link.dialed[0]?.session.status, 'ended')
  t.strictSame(link.dialerReports, ['RIVULET_PROTOCOL_VIOLATION'])
  t.equal(link.toAcceptor.length, 0, 'the next hello waits for the next tick')
  link.pass(1000)
  t.equal(link.client.session.status, 'live')
  t.equal(link.dialed.length, 2)
})

t.test('unknown kinds of the session are skipped', async (t) => {
  const stranger = new Stranger()
  stranger.send([
    [1, 0, 0, 'x'],
    [1, -5, 0, 'x'],
    [1, 7, 0, 'x'],
    [1, itemKind, 0, 'known'],
  ])
  t.strictSame(stranger.side.texts, ['known'])
})

t.test('credit for what was never sent, and far too much of it, is worth nothing', async (t) => {
  const stranger = new Stranger()
  const { session } = stranger.side
  stranger.side.send(-1, 'x')
  for (const stream of [-1, 1, 77, 0]) stranger.send([[stream, sessionKind.credit, 0, long(2 ** 52)]])
  t.equal(session.streamStates, 1)
  let sent = 0
  while (session.isWritable(-1)) {
    stranger.side.send(-1, Buffer.alloc(1000))
    sent += 1000
  }
  t.equal(sent, Math.ceil(streamWindowBytes / 1000) * 1000)
})

t.test('a window without end is none: what is held for a peer is bounded by this side', async (t) => {
  const endless = 2 ** 52
  const limits = { itemBytes: endless, windowBytes: endless, streamWindowBytes: endless, assemblyBytes: endless }
  const stranger = new Stranger(limits)
  const { side } = stranger
  let stream = -1
  for (; side.session.isWritable(stream) && stream > -10_000; stream--) side.send(stream, Buffer.alloc(1000))
  t.ok(side.session.heldBytes < settings.limits.windowBytes + 65_536 + 2000, `${side.session.heldBytes} bytes`)
  t.throws(() => side.send(-1, Buffer.alloc(itemBytes + 1)), { code: 'RIVULET_MESSAGE_TOO_LARGE' })
})

t.test('a peer that sends and never acknowledges: what it is owed is bounded', async (t) => {
  const stranger = new Stranger()
  const { side, link } = stranger
  for (let count = 0; count < 66_000; count++) side.session.send(-1, 9, 0, bodyOf(Buffer.alloc(1024)))
  t.equal(side.session.status, 'live')
  link.pass(1000)
  t.equal(side.reason, 'RIVULET_PROTOCOL_VIOLATION')
  t.equal(link.acceptor.size, 1)
})

t.test(
  'peers that leave while answers wait: there are not too many in all, and others keep their session',
  async (t) => {
    const { link } = new Stranger()
    link.cut()
    const leaving = [{ itemOf: () => [-1, 9] }, { itemOf: (count: number) => [-count, itemKind] }]
    for (const [at, { itemOf }] of leaving.entries()) {
      const peer = `peer ${at}`
      link.acceptor.receive(peer, helloOf({ session: Buffer.alloc(16, 100 + at) }))
      const session = link.accepted.at(-1)?.session
      for (let count = 1; count < 120_000 - 85_000 * at; count++) {
        const [stream, kind] = itemOf(count)
        session?.send(stream as number, kind as number, 0, bodyOf(Buffer.alloc(20)))
      }
      link.acceptor.gone(peer, lost)
    }
    t.strictSame(
      link.accepted.map(({ session }) => session.status),
      ['cut', 'live', 'ended', 'cut'],
      'that for which most waits',
    )
    t.equal(link.accepted.at(2)?.reason, 'RIVULET_SESSION_LOST')
    link.connect()
    link.client.send(1, 'honest')
    link.settle()
    t.strictSame(link.accepted[0]?.texts, ['honest'])
  },
)

t.test('peers that leave while large answers wait: their bytes are bounded in all', async (t) => {
  const link = new LinkPair({ acceptor: { maxSessions: 9, outboxBytes: 33_554_432 } })
  const large = bodyOf(Buffer.alloc(itemBytes))
  for (const [at, answers] of [20, 30, 20, 20, 20].entries()) {
    link.acceptor.receive(`peer ${at}`, helloOf({ session: Buffer.alloc(16, 100 + at) }))
    const session = link.accepted.at(-1)?.session
    for (let stream = 1; stream <= answers; stream++) session?.send(-stream, itemKind, last, large)
    link.acceptor.gone(`peer ${at}`, lost)
  }
  t.strictSame(
    link.accepted.map(({ session }) => session.status),
    ['cut', 'ended', 'cut', 'cut', 'cut'],
    'that for which most waits',
  )
})

t.test('a flood of sessions: one for each connection, and no more than there may be', async (t) => {
  const { link } = new Stranger()
  const limits = settings.limits
  const rest = { capabilities: [], connection: 1, resume: false, received: 0, limits, extensions: {} }
  const hello = (at: number) => {
    const session = Buffer.alloc(16)
    session.writeUInt32BE(at)
    return writeHello({ minVersion: 1, maxVersion: 1, session, ...rest })
  }
  for (let at = 0; at < 5000; at++) link.acceptor.receive('one peer', hello(at))
  t.equal(link.acceptor.size, 3)
  for (let at = 0; at < 5000; at++) link.acceptor.receive(`peer ${at}`, hello(10_000 + at))
  t.equal(link.acceptor.size, settings.maxSessions)
  link.client.send(1, 'honest')
  link.settle()
  t.strictSame(link.accepted[0]?.texts, ['honest'])
})

t.test('a session that somebody else takes over by its number', async (t) => {
  const { link } = new Stranger()
  const limits = settings.limits
  const rest = { capabilities: [], resume: true, received: 0, limits, extensions: {} }
  const theft = { minVersion: 1, maxVersion: 1, session: Buffer.alloc(16, 1), connection: 2, ...rest }
  link.acceptor.receive('thief', writeHello(theft))
  link.settle()
  t.equal(link.dialed[0]?.session.status, 'ended', 'its owner is told')
  t.strictSame(link.dialerReports, ['RIVULET_SESSION_LOST'])
  link.acceptor.gone('thief', lost)
  link.pass(1000)
  link.client.send(1, 'again')
  link.settle()
  t.strictSame(link.server.texts, ['again'])
})

t.test('frames that somebody changed, thousands of them: nothing throws, and the next session works', async (t) => {
  const link = new LinkPair()
  let state = 12_345
  const random = (limit: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  for (let round = 0; round < 4000; round++) {
    const stranger = `stranger ${round % 3}`
    const rest = { capabilities: ['x'], connection: 1 + round, resume: false, received: 0, limits: settings.limits }
    const hello = writeHello({
      minVersion: 1,
      maxVersion: 1,
      session: Buffer.alloc(16, round),
      ...rest,
      extensions: {},
    })
    const header = LinkHeader.encode({ connection: 1 + round, sequence: 1, acknowledged: 0, time: 5 })
    const item = Buffer.concat([
      long(2),
      long(1),
      long(itemKind),
      long(0),
      long(3),
      Buffer.from('abc'),
      long(1),
      long(9),
    ])
    const frames = [hello, framed(frameKind.link, Buffer.concat([header, item, Buffer.from([0, 0, 0])]))]
    for (const frame of frames) {
      const changed = Buffer.from(frame)
      if (random(3) > 0) changed[8 + random(changed.length - 8)] = random(256)
      if (random(8) > 0) sealFrame(changed, (changed[3] as number) >> 1, undefined)
      link.acceptor.receive(stranger, changed)
      link.flush()
    }
  }
  t.ok(link.acceptor.size <= settings.maxSessions)
  for (const peer of [0, 1, 2]) link.acceptor.gone(`stranger ${peer}`, lost)
  link.client.send(1, 'honest')
  link.connect()
  t.strictSame(link.server.texts, ['honest'])
})
