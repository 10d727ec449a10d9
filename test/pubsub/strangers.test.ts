/**
 * Plain ZeroMQ sockets that send what they should not: each is counted or reported, and the streams go on.
 */

import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { createPublisher, createSubscriber, type SubscriberOptions } from '../../patterns/pubsub/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { frameKind, TopicAnswer, TopicRequest, writeRecordFrame } from '../../src/wire/index.js'
import { sealFrame } from '../../src/wire/prelude.js'
import { linkState, total, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { place } from '../support/transports.js'
import { FrameSource, rawPublisher, rawSubscriber } from './raw-peers.js'
import { Seen } from './seen.js'

/** A subscriber that binds, an honest publisher, and a stranger. */
async function boundSubscriber(t: Test, options: Partial<SubscriberOptions> = {}) {
  const { runtime, bind } = place(t, 'tcp')
  const subscriber = await createSubscriber({ bind, runtime, ...options })
  const errors: RivuletError[] = []
  subscriber.errors.subscribe((error) => errors.push(error))
  const seen = new Seen(subscriber.topic('a.#', Job))
  const publisher = await createPublisher({ connect: subscriber.endpoint, runtime })
  await subscriber.ready
  const raw = await rawPublisher(t, { connect: subscriber.endpoint })
  await raw.subscribed('a.')
  const topic = publisher.topic('a.honest', Job)
  let sent = 0
  return {
    subscriber,
    errors,
    raw,
    /** The honest publisher still gets through. */
    async goesOn(): Promise<void> {
      topic.next({ id: ++sent })
      await seen.count(sent)
      t.strictSame(seen.values.at(-1), { id: sent, note: '' })
      t.equal(seen.values.length, sent)
    },
  }
}

const flipped = ([topic, frame]: Buffer[], at: number): Buffer[] => {
  const copy = Buffer.from(frame as Buffer)
  copy[at < 0 ? copy.length + at : at] = (copy.at(at) as number) ^ 0xff
  return [topic as Buffer, copy]
}

t.test('frames that are none', async (t) => {
  const { subscriber, errors, raw, goesOn } = await boundSubscriber(t)
  await goesOn()
  const good = new FrameSource('a.b', Job)
  const topic = good.topic
  const frame = good.frame({ id: 1, note: '' })
  const bad: [code: string, parts: Buffer[]][] = [
    ['BAD_FRAME', [topic]],
    ['BAD_FRAME', [...frame, Buffer.from('more')]],
    ['BAD_FRAME', [topic, Buffer.alloc(0)]],
    ['BAD_FRAME', [topic, Buffer.from('hello, world')]],
    ['BAD_FRAME', flipped(frame, 0)],
    ['BAD_FRAME', flipped(frame, 2)],
    ['CORRUPT_FRAME', flipped(frame, -1)],
    ['CORRUPT_FRAME', flipped(frame, 12)],
    ['CORRUPT_FRAME', [Buffer.from('a.c.'), frame[1] as Buffer]],
    ['BAD_FRAME', [topic, writeRecordFrame(TopicAnswer, answer(), frameKind.answer, topic)]],
  ]
  for (const [, parts] of bad) await raw.send(parts)
  await until(() => errors.length === bad.length)
  t.strictSame(
    errors.map(({ code }) => code),
    bad.map(([code]) => `RIVULET_${code}`),
  )
  const { rejectedFrames, received, dropped, gaps } = subscriber.stats()
  t.strictSame(
    { rejectedFrames, received, dropped, gaps },
    {
      rejectedFrames: { 'bad-frame': 7, 'corrupt-frame': 3 },
      received: 1,
      dropped: {},
      gaps: 0,
    },
  )
  await goesOn()
})

t.test('topics that are none', async (t) => {
  const { subscriber, errors, raw, goesOn } = await boundSubscriber(t)
  const parts = ['a.b', 'a..', 'a.*.', 'a.#.', 'a.\n.', `a.${'x'.repeat(300)}.`].map((text) => Buffer.from(text))
  parts.push(Buffer.of(0x61, 0x2e, 0xff, 0x2e))
  for (const part of parts) await raw.send(new FrameSource(part, Job).frame({ id: 1, note: '' }))
  await until(() => errors.length === parts.length)
  t.ok(errors.every(({ code }) => code === 'RIVULET_BAD_FRAME'))
  t.strictSame(subscriber.stats().rejectedFrames, { 'bad-frame': parts.length })
  await goesOn()
})

t.test('frames that are too large', async (t) => {
  const { subscriber, errors, raw, goesOn } = await boundSubscriber(t, { maxMessageBytes: 1000 })
  const source = new FrameSource('a.b', Job)
  await raw.send(source.frame({ id: 1, note: 'x'.repeat(200_000) }))
  await until(() => errors.length === 1)
  t.equal(errors[0]?.code, 'RIVULET_FRAME_TOO_LARGE')
  t.strictSame(subscriber.stats().rejectedFrames, { 'frame-too-large': 1 })
  await goesOn()
})

t.test('messages that cannot be read cost what is behind them in their frame, and no more', async (t) => {
  const { subscriber, errors, raw } = await boundSubscriber(t)
  // written by a schema that is not the one it claims: a note of a length that reaches beyond the frame
  const source = new FrameSource('a.b', Job)
  const [topic, frame] = source.frame({ id: 1, note: '' }, { id: 2, note: 'yz' }, { id: 3, note: '' }) as [
    Buffer,
    Buffer,
  ]
  const forged = Buffer.from(frame)
  forged[forged.lastIndexOf('yz') - 1] = 126
  sealFrame(forged, frameKind.data, topic)
  await raw.send([topic, forged])
  await until(() => errors.length === 1)
  t.match(errors[0], { code: 'RIVULET_DECODE_FAILED', messages: 2 })
  t.match(subscriber.stats(), { received: 3, delivered: 1, pending: 0, dropped: { undecodable: 2 } })
  await raw.send(source.frame({ id: 4, note: '' }))
  await until(() => subscriber.stats().delivered === 2)
  t.equal(subscriber.stats().gaps, 0)
})

t.test('answers that nobody asked for', async (t) => {
  const { subscriber, errors, raw, goesOn } = await boundSubscriber(t)
  const waiting = subscriber.whenReady({ publishers: 2 })
  let ready = false
  waiting.then(
    () => {
      ready = true
    },
    () => {},
  )
  const { inbox } = await raw.request()
  const send = (bytes: Buffer, to: Uint8Array = inbox) => raw.send([Buffer.from(to), bytes])
  const seal = (record: ReturnType<typeof answer>, kind: number = frameKind.answer, to = Buffer.from(inbox)) =>
    writeRecordFrame(TopicAnswer, record, kind, to)
  for (let count = 0; count < 100; count++) await send(seal({ ...answer(), nonce: Buffer.alloc(16, count) }))
  await send(Buffer.from('no answer'))
  await send(seal(answer(), frameKind.data))
  const corrupt = seal(answer())
  corrupt[20] = (corrupt[20] as number) ^ 1
  await send(corrupt)
  const elsewhere = Buffer.of(0, 1, 2, 3)
  await send(seal(answer(), frameKind.answer, elsewhere), elsewhere)
  await until(() => errors.length === 3)
  await goesOn()
  t.notOk(ready)
  t.strictSame(subscriber.stats().rejectedFrames, { 'bad-frame': 2, 'corrupt-frame': 1 })
  await subscriber.close()
  await t.rejects(waiting, { code: 'RIVULET_CLOSED' })
})

t.test('a publisher that answers nobody', async (t) => {
  const { subscriber, raw, goesOn } = await boundSubscriber(t)
  // its link is known by now: it is one of those that must answer
  await until(() => subscriber.connected === 2)
  let ready = false
  const all = subscriber.ready.then(
    () => {
      ready = true
    },
    () => {},
  )
  await raw.request()
  await subscriber.whenReady({ publishers: 1 })
  await goesOn()
  t.notOk(ready)
  raw.socket.close()
  await all
  t.ok(ready, 'when it has gone, the others are enough')
})

/** A publisher that binds, an honest subscriber, and a stranger. */
async function boundPublisher(t: Test, options: { slowSubscribers?: 'wait' | 'drop'; outboxBytes?: number } = {}) {
  const { runtime, bind } = place(t, 'tcp')
  const publisher = await createPublisher({ bind, runtime, ...options })
  const errors: RivuletError[] = []
  publisher.errors.subscribe((error) => errors.push(error))
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const seen = new Seen(subscriber.topic('a', Job))
  await subscriber.ready
  const topic = publisher.topic('a', Job)
  let sent = 0
  return {
    publisher,
    subscriber,
    errors,
    raw: rawSubscriber(t, publisher.endpoint),
    async goesOn(): Promise<void> {
      await subscriber.ready
      topic.next({ id: ++sent })
      await seen.count(sent)
      t.equal(seen.values.at(-1)?.id, sent)
    },
  }
}

t.test('requests that are none', async (t) => {
  const { publisher, errors, raw, goesOn } = await boundPublisher(t)
  const inbox = Buffer.alloc(17)
  const good = writeRecordFrame(
    TopicRequest,
    { kind: 'ready', inbox, nonce: Buffer.alloc(16) },
    frameKind.request,
    undefined,
  )
  const bad: [code: string, frame: Buffer][] = [
    ['BAD_FRAME', Buffer.from('hello')],
    ['BAD_FRAME', Buffer.of(2)],
    ['CORRUPT_FRAME', flipped([good, good], -1)[1] as Buffer],
    [
      'BAD_FRAME',
      writeRecordFrame(TopicRequest, { kind: 'ready', inbox, nonce: Buffer.alloc(16) }, frameKind.data, undefined),
    ],
  ]
  for (const [, frame] of bad) await raw.send(frame)
  // an inbox is no way to publish on a topic, nor to send much to many
  for (const forged of ['a.', '', '\0'.repeat(65)]) await raw.request(Buffer.from(forged))
  await raw.socket.send([good, good])
  const rejected = { 'bad-frame': bad.length - 1 + 4, 'corrupt-frame': 1 }
  await until(() => total(publisher.stats().rejectedFrames) >= total(rejected))
  t.strictSame(publisher.stats().rejectedFrames, rejected)
  t.strictSame(
    errors.map(({ code }) => code),
    ['RIVULET_BAD_FRAME'],
    'the first is reported at once, further ones seldom',
  )
  t.strictSame(publisher.stats().dropped, {})
  await goesOn()
})

t.test('a request in the name of another changes nothing for that one', async (t) => {
  const { publisher, subscriber, raw, goesOn } = await boundPublisher(t)
  await raw.subscribe('')
  const prefixes = new Seen(publisher.subscriptions)
  await prefixes.when(() => prefixes.values.some(({ prefix }) => prefix === ''))
  // a subscription to everything shows the inboxes of others: their answers come by
  const asked = subscriber.ready
  const [inbox] = (await raw.socket.receive()) as Buffer[]
  await asked
  t.equal(inbox?.[0], 0)
  for (let count = 0; count < 100; count++) await raw.request(inbox as Buffer, Buffer.alloc(16, count))
  await goesOn()
  t.strictSame(subscriber.stats().rejectedFrames, {})
  t.equal(publisher.stats().accepted, 1)
})

t.test('thousands of subscriptions', async (t) => {
  const { publisher, raw, goesOn } = await boundPublisher(t)
  for (let id = 0; id < 5000; id++) await raw.subscribe(`mass.${id}.`)
  await raw.subscribe('end.')
  const seen = new Seen(publisher.subscriptions)
  await seen.when(() => seen.values.some(({ prefix }) => prefix === 'end'))
  await goesOn()
  const gone = linkState(publisher, 'disconnected')
  raw.socket.close()
  await gone
  await seen.when(() => seen.values.filter(({ kind }) => kind === 'unsubscribed').length === 5001)
  t.notOk(publisher.topic('mass.1', Job).subscribed, 'nothing of them is left')
  t.ok(publisher.topic('a', Job).subscribed)
  await goesOn()
})

t.test('a subscription frame beyond all measure cuts its own link', async (t) => {
  const { publisher, raw, goesOn } = await boundPublisher(t)
  const gone = linkState(publisher, 'disconnected')
  await raw.subscribe('x'.repeat(100_000))
  await gone
  raw.socket.close()
  await goesOn()
})

t.test('answers that are not fetched do not pile up without end', async (t) => {
  const { publisher, raw } = await boundPublisher(t, { slowSubscribers: 'wait', outboxBytes: 1000 })
  const inbox = Buffer.alloc(64)
  await raw.socket.send(Buffer.concat([Buffer.of(1), inbox]))
  let most = 0
  const look = setInterval(() => {
    most = Math.max(most, publisher.stats().pendingBytes)
  }, 1)
  t.teardown(() => clearInterval(look))
  const last = 40_000
  for (let count = 0; count < last; count++) await raw.request(inbox)
  await raw.subscribe('end.')
  const seen = new Seen(publisher.subscriptions)
  await seen.when(() => seen.values.some(({ prefix }) => prefix === 'end'))
  most = Math.max(most, publisher.stats().pendingBytes)
  t.ok(most > 200_000 && most < 300_000, `${most} bytes at the most`)
})

t.test('bytes that are no ZeroMQ', async (t) => {
  const { publisher, errors, goesOn } = await boundPublisher(t)
  const socket = connect(Number(publisher.endpoint.split(':').at(-1)), '127.0.0.1')
  // a reset is an end like any other
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await once(socket, 'connect')
  socket.end('GET / HTTP/1.1\r\nHost: here\r\n\r\n')
  socket.resume()
  await closed
  await until(() => errors.some(({ code }) => code === 'RIVULET_HANDSHAKE_FAILED'))
  await goesOn()
})

function answer() {
  return { nonce: Buffer.alloc(16), source: Buffer.alloc(8, 7), position: 1_000_000, time: new Date() }
}
