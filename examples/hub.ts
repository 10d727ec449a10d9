/**
 * A hub: sensors and dashboards come and go and know the hub alone, which keeps what it has forwarded.
 *
 * Run it: `npx tsx examples/hub.ts`. All of them are usually processes of their own, and the hub is `npx rivulet hub`.
 */
import { defineSchema } from 'rivulet/avro'
import { createHub, createPublisher, createSubscriber } from 'rivulet/pubsub'
import { lastValueFrom, take, toArray } from 'rxjs'

const Level = defineSchema({
  type: 'record',
  name: 'Level',
  namespace: 'rivers',
  fields: [{ name: 'metres', type: 'double' }],
})

await using hub = await createHub({
  publishers: { bind: 'tcp://127.0.0.1:*' },
  subscribers: { bind: 'tcp://127.0.0.1:*' },
})
const elbe = await createPublisher({ connect: hub.publishers.endpoint })
await using rhine = await createPublisher({ connect: hub.publishers.endpoint })
await using dashboard = await createSubscriber({ connect: hub.subscribers.endpoint })

const levels = lastValueFrom(dashboard.events('rivers.#', Level).pipe(take(4), toArray()))
await dashboard.whenReady({ publishers: 2 }) // both are known to serve the dashboard, through the hub

elbe.topic('rivers.elbe.dresden', Level).next({ metres: 1.4 })
rhine.topic('rivers.rhine.bonn', Level).next({ metres: 2.8 })
elbe.topic('rivers.elbe.dresden', Level).next({ metres: 1.5 })
rhine.topic('rivers.rhine.bonn', Level).next({ metres: 2.9 })

const seen = (await levels).map((event) =>
  event.kind === 'message' ? `${event.topic} #${event.sequence}: ${event.value.metres} m` : `${event.topic}: missed`,
)
for (const line of seen.sort()) console.log(line)

await elbe.close()
const { forwarded, history } = hub.stats()
console.log(`forwarded ${forwarded}, and kept ${history?.messages} messages of ${history?.sources} sensors`)
