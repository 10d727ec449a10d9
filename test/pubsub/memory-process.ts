/**
 * What topics cost a process in memory: one scenario, in a process of its own, so that nothing else is counted.
 *
 * Prints one line of JSON: what grew, in bytes.
 */
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { defineSchema } from '../../src/avro/index.js'
import { first } from '../support/events.js'
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

const scenarios: Readonly<Record<string, () => Promise<Growth>>> = { longPrefixes }
const scenario = scenarios[process.argv[2] as string]
if (!scenario) throw new Error(`no scenario '${process.argv[2]}'`)
console.log(JSON.stringify(await scenario()))
