/** More streams with wildcards and history than one replay takes. */
import { firstValueFrom } from 'rxjs'
import t from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { place } from '../support/transports.js'
import { Old } from './schemas.js'

t.test('each of 80 streams with a wildcard gets its history', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const publisher = await createPublisher({ bind, runtime, history: {} })
  const ids = Array.from({ length: 80 }, (_, id) => id)
  for (const id of ids) await publisher.topic(`x${id}.a`, Old).send({ id })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const streams = ids.map((id) => firstValueFrom(subscriber.topic(`x${id}.*`, Old, { since: 'all' })))
  t.strictSame(
    (await Promise.all(streams)).map(({ id }) => id),
    ids,
  )
  await Promise.all([subscriber.close(), publisher.close()])
})
