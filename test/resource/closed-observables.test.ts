/** What observables show that begin with what is there: nothing, once their resource is closed. They complete at once. */
import { firstValueFrom, lastValueFrom, type Observable, toArray } from 'rxjs'
import t from 'tap'
import { createPeer } from '../../patterns/messaging/index.js'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { Job } from '../support/job.js'
import { eachTransport } from '../support/transports.js'

const all = <T>(shown: Observable<T>) => lastValueFrom(shown.pipe(toArray()))

eachTransport(t, 'a publisher and its subscriber', async (t, { bind, runtime }) => {
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  subscriber.topic('jobs', Job).subscribe()
  await subscriber.ready
  const shown: readonly Observable<unknown>[] = [subscriber.publishers, subscriber.links, publisher.subscriptions]
  for (const one of shown) t.ok(await firstValueFrom(one), 'something is there')
  await subscriber.close()
  await publisher.close()
  for (const one of [...shown, publisher.links]) t.strictSame(await all(one), [])
})

eachTransport(t, 'named peers', async (t, { bind, runtime }) => {
  const anna = await createPeer({ name: 'anna', bind, runtime })
  const ben = await createPeer({ name: 'ben', connect: anna.endpoint, runtime })
  t.match(await firstValueFrom(ben.presence), { kind: 'joined', peer: { name: 'anna' } })
  await ben.close()
  t.strictSame(await all(ben.presence), [])
})
