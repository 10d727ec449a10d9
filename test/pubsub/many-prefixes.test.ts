/** A stranger that subscribes without end costs a publisher bounded memory of its own, and nobody else anything. */
import t from 'tap'
import * as zmq from 'zeromq'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { defineSchema } from '../../src/avro/index.js'

const Text = defineSchema('string')
const remembered = 65_536

t.test('prefixes beyond the bound are not remembered, and honest subscribers are served', async (t) => {
  await using publisher = await createPublisher({ bind: 'tcp://127.0.0.1:*' })
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
  for (let count = 0; count < remembered + 1000; count++) await stranger.send(Buffer.from(`\x01p${count}.`))
  await stranger.send(Buffer.from('\x00p0.'))
  await handled

  let prefixes = 0
  publisher.subscriptions.subscribe(() => prefixes++).unsubscribe()
  t.equal(prefixes, remembered - 1)

  publisher.topic('honest', Text).next('still here')
  await subscriber.ready
  t.strictSame(got, ['still here'])
  stranger.close()
})
