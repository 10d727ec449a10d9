/** A peer with very many subscriptions, within what a publisher allows, disturbs nobody else. */
import t from 'tap'
import * as zmq from 'zeromq'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { defineSchema } from '../../src/avro/index.js'

const Text = defineSchema('string')
const count = 50_000

t.test('prefixes within the bound are known, and honest subscribers are served', async (t) => {
  await using publisher = await createPublisher({ bind: 'tcp://127.0.0.1:*', subscriptionBytes: 8 * 1024 * 1024 })
  await using subscriber = await createSubscriber({ connect: publisher.endpoint })
  const got: string[] = []
  subscriber.topic('honest', Text).subscribe((text) => got.push(text))
  await subscriber.ready

  const stranger = new zmq.XSubscriber({ linger: 0 })
  // ZMQ_SNDHWM: with a mark, a subscribing socket loses what is beyond it without a word
  ;(stranger as unknown as { setInt32Option(option: number, value: number): void }).setInt32Option(23, 0)
  stranger.connect(publisher.endpoint)
  // an end of the first prefix, behind all the others on the same way, tells that all were handled
  const handled = new Promise<void>((resolve) => {
    publisher.subscriptions.subscribe(({ kind }) => kind === 'unsubscribed' && resolve())
  })
  for (let id = 0; id < count; id++) await stranger.send(Buffer.from(`\x01p${id}.`))
  await stranger.send(Buffer.from('\x00p0.'))
  await handled

  let prefixes = 0
  publisher.subscriptions.subscribe(() => prefixes++).unsubscribe()
  t.equal(prefixes, count, 'the honest one and all but one of the others')
  t.equal(publisher.stats().subscriptionResets, 0)

  publisher.topic('honest', Text).next('still here')
  await subscriber.ready
  t.strictSame(got, ['still here'])
  stranger.close()
})
