/** What strangers send to a worker: each is counted and reported, and good messages go on arriving. */
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import * as zmq from 'zeromq'
import { createPull } from '../../patterns/queue/index.js'
import { defineSchema } from '../../src/avro/index.js'
import { first, linkState, until } from '../support/events.js'
import { frameOf, resealed } from '../support/frames.js'
import { Job } from '../support/job.js'
import { type Place, place } from '../support/transports.js'

const Other = defineSchema({ type: 'record', name: 'Other', fields: [{ name: 'weight', type: 'double' }] })
const good = (id: number) => frameOf(Job, { id })

/** A worker, and a raw socket that is connected to it. */
async function meet(t: Test, { runtime, bind }: Place) {
  const pull = await createPull({ schema: Job, bind, runtime, maxMessageBytes: 1000 })
  const seen: number[] = []
  const codes: string[] = []
  const problems: { code: string; message: string; messages: number | undefined }[] = []
  pull.messages.subscribe(({ id }) => seen.push(id))
  pull.errors.subscribe((error) => {
    codes.push(error.code)
    problems.push(error)
  })
  const raw = new zmq.Push({ linger: 0 })
  t.teardown(() => raw.close())
  raw.connect(pull.endpoint)
  return { pull, raw, seen, codes, problems }
}

interface Stranger {
  readonly parts: () => Buffer | Buffer[]
  readonly code: string
  readonly rejected?: string
  readonly dropped?: Record<string, number>
  readonly seen?: number[]
}

const strangers: Record<string, Stranger> = {
  'an empty message': { parts: () => Buffer.alloc(0), code: 'RIVULET_BAD_FRAME', rejected: 'bad-frame' },
  garbage: { parts: () => Buffer.from('GET / HTTP/1.1\r\n\r\n'), code: 'RIVULET_BAD_FRAME', rejected: 'bad-frame' },
  'a message of several parts': {
    parts: () => [good(7), good(8)],
    code: 'RIVULET_BAD_FRAME',
    rejected: 'bad-frame',
  },
  'a frame of another version': {
    parts: () => {
      const frame = good(7)
      frame[2] = 4
      return frame
    },
    code: 'RIVULET_BAD_FRAME',
    rejected: 'bad-frame',
  },
  'a frame whose checksum is wrong': {
    parts: () => {
      const frame = good(7)
      frame[5] = (frame[5] as number) ^ 1
      return frame
    },
    code: 'RIVULET_CORRUPT_FRAME',
    rejected: 'corrupt-frame',
  },
  'a frame with a changed byte': {
    parts: () => {
      const frame = good(7)
      frame[frame.length - 2] = (frame[frame.length - 2] as number) ^ 1
      return frame
    },
    code: 'RIVULET_CORRUPT_FRAME',
    rejected: 'corrupt-frame',
  },
  'a frame that is cut short': {
    parts: () => good(7).subarray(0, 40),
    code: 'RIVULET_CORRUPT_FRAME',
    rejected: 'corrupt-frame',
  },
  'a frame whose header cannot be read': {
    parts: () => resealed(good(7), (frame) => frame.fill(0xff, 8)),
    code: 'RIVULET_BAD_FRAME',
    rejected: 'bad-frame',
  },
  'a frame that is too large': {
    parts: () => frameOf(Job, { id: 7, note: 'x'.repeat(140_000) }),
    code: 'RIVULET_FRAME_TOO_LARGE',
    rejected: 'frame-too-large',
  },
  'a frame of another schema': {
    parts: () => frameOf(Other, { weight: 1 }, { weight: 2 }),
    code: 'RIVULET_INCOMPATIBLE_SCHEMA',
    dropped: { 'incompatible-schema': 2 },
  },
  'a frame whose messages are garbage behind the first': {
    parts: () => {
      const frame = frameOf(Job, { id: 7, note: 'first' }, { id: 8, note: 'second' }, { id: 9, note: 'third' })
      // the length of the text of the second message
      return resealed(frame, (copy) => {
        copy[copy.indexOf('second') - 1] = 0x7f
      })
    },
    code: 'RIVULET_DECODE_FAILED',
    dropped: { undecodable: 2 },
    seen: [7],
  },
  'a frame with something behind its messages': {
    parts: () => resealed(Buffer.concat([good(7), Buffer.from('more')]), () => {}),
    code: 'RIVULET_DECODE_FAILED',
    seen: [7],
  },
}

for (const transport of ['ipc', 'tcp'] as const) {
  for (const [what, { parts, code, rejected, dropped = {}, seen: alsoSeen = [] }] of Object.entries(strangers)) {
    t.test(`${what} (${transport})`, async (t) => {
      const { pull, raw, seen, codes, problems } = await meet(t, place(t, transport))
      await raw.send(good(1))
      await raw.send(parts())
      await raw.send(good(2))
      await until(() => seen.includes(2))
      t.strictSame(seen, [1, ...alsoSeen, 2])
      t.strictSame(codes, [code])
      const lost = Object.values(dropped)[0] ?? 0
      t.match(pull.stats(), { received: seen.length + lost, delivered: seen.length, pending: 0 })
      t.strictSame(pull.stats().dropped, dropped)
      t.strictSame(pull.stats().rejectedFrames, rejected ? { [rejected]: 1 } : {})
      if (code === 'RIVULET_DECODE_FAILED' && lost > 0) t.equal(problems[0]?.messages, lost)
    })
  }

  t.test(`bytes of another protocol (${transport})`, async (t) => {
    const { pull, raw, seen } = await meet(t, place(t, transport))
    const refused = first(pull.errors)
    const { port, pathname } = new URL(pull.endpoint)
    const socket = transport === 'tcp' ? connect(Number(port), '127.0.0.1') : connect(pathname)
    t.teardown(() => socket.destroy())
    socket.on('error', () => {})
    socket.end('GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nUser-Agent: something that is no ZeroMQ\r\n\r\n')
    t.match(await refused, { code: 'RIVULET_HANDSHAKE_FAILED' })
    await raw.send(good(1))
    await until(() => seen.length === 1)
    t.match(pull.stats(), { received: 1, delivered: 1, dropped: {}, rejectedFrames: {} })
  })

  t.test(`a socket of the wrong kind (${transport})`, async (t) => {
    const { pull, raw, seen } = await meet(t, place(t, transport))
    await linkState(pull, 'connected')
    const refused = first(pull.errors)
    const subscriber = new zmq.Subscriber({ linger: 0 })
    t.teardown(() => subscriber.close())
    subscriber.connect(pull.endpoint)
    t.match(await refused, { code: 'RIVULET_HANDSHAKE_FAILED' })
    await raw.send(good(1))
    await until(() => seen.length === 1)
    t.equal(pull.connected, 1, 'it is no link')
  })

  t.test(`a flood of garbage lets good messages through (${transport})`, async (t) => {
    const { pull, raw, seen, codes } = await meet(t, place(t, transport))
    const other = new zmq.Push({ linger: 0 })
    t.teardown(() => other.close())
    other.connect(pull.endpoint)
    const flood = (async () => {
      for (let count = 0; count < 500; count++) await raw.send(Buffer.from('garbage'))
    })()
    for (let id = 0; id < 20; id++) await other.send(good(id))
    await flood
    await until(() => seen.length === 20 && pull.stats().rejectedFrames['bad-frame'] === 500)
    t.strictSame(seen, [...Array(20).keys()])
    t.strictSame(codes, Array(32).fill('RIVULET_BAD_FRAME'), 'all are counted, and the first are reported')
  })
}
