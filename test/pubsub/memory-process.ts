/**
 * What topics cost a process in memory: one scenario, in a process of its own, so that nothing else is counted.
 *
 * Prints one line of JSON: what grew, in bytes.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createPublisher, createSubscriber, type TopicEvent } from '../../patterns/pubsub/index.js'
import { defineSchema } from '../../src/avro/index.js'
import { type Clock, systemClock } from '../../src/clock/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { loader, modulePath } from '../child-process.js'
import { first, turn, until } from '../support/events.js'
import { TcpSubscriber } from './tcp-subscriber.js'

/** What a scenario says. */
export interface Growth {
  readonly bytes: number
  readonly detail: Readonly<Record<string, number>>
}

const Text = defineSchema('string')

/** 2,000 prefixes of 3,990 bytes: libzmq 4.3.5 took 400 MB for them. */
async function longPrefixes(): Promise<Growth> {
  await using publisher = await createPublisher({ bind: 'tcp://127.0.0.1:*' })
  await using subscriber = await createSubscriber({ connect: publisher.endpoint })
  let delivered = 0
  subscriber.topic('honest', Text).subscribe(() => (delivered += 1))
  await subscriber.ready
  const before = process.memoryUsage().rss
  const untrusted = await TcpSubscriber.connect(publisher.endpoint)
  const prefixes = Array.from({ length: 2000 }, (_, id) => `${id}.`.padEnd(3990, String(id)))
  await untrusted.subscribe(prefixes)
  const last = first(publisher.subscriptions, ({ prefix }) => prefix.startsWith('1999'))
  await Promise.race([untrusted.ended, last])
  // the answer comes behind everything that the connection has brought
  await subscriber.ready
  publisher.topic('honest', Text).next('still here')
  await subscriber.ready
  let known = 0
  publisher.subscriptions.subscribe(() => (known += 1)).unsubscribe()
  return { bytes: process.memoryUsage().rss - before, detail: { delivered, known } }
}

/** What the heap and the buffers of Node take when nothing more can be collected. */
async function settled(): Promise<number> {
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.()
    await turn()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/**
 * A process that subscribes to new prefixes of 500 bytes without end, while an honest subscriber follows a topic.
 *
 * It ends when all subscribers were disconnected, or with 20,000 prefixes, for which libzmq 4.3.5 takes 500 MB.
 */
async function manyPrefixes(how: 'new' | 'hidden'): Promise<Growth> {
  await using publisher = await createPublisher({ bind: 'tcp://127.0.0.1:*' })
  await using subscriber = await createSubscriber({ connect: publisher.endpoint })
  const codes: string[] = []
  publisher.errors.subscribe(({ code }) => codes.push(code))
  let next = 0
  let disordered = 0
  subscriber.events('honest', Text).subscribe((event) => {
    const [from, to] = event.kind === 'gap' ? [event.from, event.to] : [event.sequence, event.sequence]
    if (next > 0 && from !== next) disordered += 1
    next = to + 1
  })
  await subscriber.ready
  const topic = publisher.topic('honest', Text)
  await topic.send('the first')
  let subscriptions = 0
  publisher.subscriptions.subscribe(({ kind }) => (subscriptions += kind === 'subscribed' ? 1 : 0))
  const before = process.memoryUsage.rss()
  let most = before
  const publishing = setInterval(() => {
    topic.next('x')
    most = Math.max(most, process.memoryUsage.rss())
  }, 1)
  const flood = spawn(
    process.execPath,
    [...loader, modulePath('test/pubsub/flooding-process.ts'), publisher.endpoint, '1', '500', how],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  )
  await until(() => publisher.stats().subscriptionResets > 0 || subscriptions >= 20_000)
  flood.kill('SIGKILL')
  await once(flood, 'exit')
  clearInterval(publishing)
  await subscriber.ready
  await topic.send('the last')
  await until(() => next === publisher.stats().accepted + 1)
  const { accepted, sent } = publisher.stats()
  const reported = codes.includes('RIVULET_TOO_MANY_SUBSCRIPTIONS') ? 1 : 0
  return { bytes: most - before, detail: { disordered, unsent: accepted - sent, reported } }
}

const patterns = 20_000

/** Patterns that are subscribed, bring a message each, and are left again; one stream is held meanwhile. */
async function leftPatterns(): Promise<Growth> {
  await using publisher = await createPublisher({ bind: 'tcp://127.0.0.1:*' })
  await using subscriber = await createSubscriber({ connect: publisher.endpoint })
  const held = subscriber.topic('held', Text)
  const topic = publisher.topic('past.0.x', Text)
  let delivered = 0
  const pass = async (from: number, to: number): Promise<void> => {
    for (let id = from; id < to; id++) {
      const subscription = subscriber.topic(`past.*.x.${id}.#`, Text).subscribe()
      subscription.unsubscribe()
    }
    const message = first(subscriber.topic('past.*.x', Text))
    await subscriber.ready
    topic.next('x')
    await message
    delivered += 1
  }
  await pass(0, 100)
  const before = await settled()
  for (let from = 100; from < patterns; from += 1000) await pass(from, from + 1000)
  const bytes = (await settled()) - before
  const counted = subscriber.stats().delivered - delivered
  return { bytes, detail: { counted, same: subscriber.topic('held', Text) === held ? 1 : 0 } }
}

const topics = 20_000

/** A clock whose timers fire a hundred times as early: nothing here waits for seconds to pass. */
const hurriedClock: Clock = {
  ...systemClock,
  setTimer: (callback, delayMs) => systemClock.setTimer(callback, delayMs / 100),
}

/** Topics that are used once each; one is used again when it has no sink any more. */
async function pastTopics(): Promise<Growth> {
  const runtime = createRuntime({ clock: hurriedClock })
  await using publisher = await createPublisher({ bind: 'inproc://past', runtime })
  await using subscriber = await createSubscriber({ connect: 'inproc://past', runtime })
  const events: TopicEvent<string>[] = []
  const subscription = subscriber.events('again.*', Text).subscribe((event) => events.push(event))
  await subscriber.ready
  let sinks = 0
  const collected = new FinalizationRegistry(() => (sinks -= 1))
  const publish = async (name: string): Promise<void> => {
    const sink = publisher.topic(name, Text)
    sinks += 1
    collected.register(sink, undefined)
    await sink.send('x')
  }
  let passes = 0
  const pass = async (from: number, to: number): Promise<void> => {
    for (let id = from; id < to; id++) await publish(`past.${id}`)
    await publish('again.a')
    passes += 1
    await until(() => events.length === passes)
  }
  await pass(0, 100)
  const before = await settled()
  for (let from = 100; from < topics; from += 1000) await pass(from, from + 1000)
  // those that were used last are kept for a moment
  let rounds = 0
  while (sinks > 0 && rounds++ < 1000) await settled()
  const bytes = (await settled()) - before
  await pass(0, 0)
  subscription.unsubscribe()
  const inOrder = events.filter((event, at) => event.kind === 'message' && event.sequence === at + 1).length
  return { bytes, detail: { sinks, events: events.length, inOrder } }
}

const scenarios: Readonly<Record<string, () => Promise<Growth>>> = {
  longPrefixes,
  leftPatterns,
  pastTopics,
  manyPrefixes: () => manyPrefixes('new'),
  hiddenPrefixes: () => manyPrefixes('hidden'),
}
const scenario = scenarios[process.argv[2] as string]
if (!scenario) throw new Error(`no scenario '${process.argv[2]}'`)
console.log(JSON.stringify(await scenario()))
