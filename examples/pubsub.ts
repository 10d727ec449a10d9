/**
 * Topics: a publisher of temperatures in rooms, and a subscriber that hears every room of one floor.
 *
 * Run it: `npx tsx examples/pubsub.ts`. The two are usually processes of their own; nothing but the endpoint differs.
 */
import { defineSchema } from 'rivulet/avro'
import { createPublisher, createSubscriber } from 'rivulet/pubsub'
import { lastValueFrom, take, toArray } from 'rxjs'

const Temperature = defineSchema({
  type: 'record',
  name: 'Temperature',
  namespace: 'house',
  fields: [{ name: 'celsius', type: 'double' }],
})

await using publisher = await createPublisher({ bind: 'tcp://127.0.0.1:*' })
await using subscriber = await createSubscriber({ connect: publisher.endpoint })

// '.' separates words, '*' is one word; events tell the topic, its publisher and gaps besides the value
const received = lastValueFrom(subscriber.events('house.upstairs.*', Temperature).pipe(take(3), toArray()))
await subscriber.whenConnected()
await subscriber.ready // what is published from here on is received

publisher.topic('house.cellar.store', Temperature).next({ celsius: 11.5 }) // nobody listens to this one
publisher.topic('house.upstairs.bath', Temperature).next({ celsius: 23 })
publisher.topic('house.upstairs.study', Temperature).next({ celsius: 19.5 })
publisher.topic('house.upstairs.bath', Temperature).next({ celsius: 22.5 })

for (const event of await received) {
  if (event.kind === 'message') console.log(`${event.topic} #${event.sequence}: ${event.value.celsius} °C`)
  else console.log(`${event.topic}: ${event.from} to ${event.to} missed`)
}
