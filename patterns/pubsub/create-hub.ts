/**
 * `createHub`: checks the options of a hub and opens it.
 *
 * What a hub does is in `hub.ts`.
 */
import { HubResource } from './hub.js'
import type { Hub } from './hub-api.js'
import { type HubOptions, resolveHubOptions } from './hub-options.js'

/**
 * Opens a hub.
 *
 * Resolves when its sockets are open, whether or not a publisher or a subscriber is there.
 *
 * @param options - `publishers` and `subscribers`, each with `bind` or `connect`; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED; RIVULET_CLOSED if `runtime` is closed; with `history.path` also
 * RIVULET_STORE_LOCKED, RIVULET_STORE_FORMAT, RIVULET_STORE_CORRUPT, RIVULET_STORE_FAILED
 * @example
 * ```ts
 * import { defineSchema, record } from 'rivulet/avro'
 * import { createHub, createPublisher, createSubscriber } from 'rivulet/pubsub'
 * import { firstValueFrom } from 'rxjs'
 *
 * const Tick = defineSchema(record('Tick', { price: 'double' }))
 *
 * await using hub = await createHub({
 *   publishers: { bind: 'tcp://127.0.0.1:*' },
 *   subscribers: { bind: 'tcp://127.0.0.1:*' },
 * })
 * await using publisher = await createPublisher({ connect: hub.publishers.endpoint })
 * await using subscriber = await createSubscriber({ connect: hub.subscribers.endpoint })
 * const first = firstValueFrom(subscriber.topic('ticks.*', Tick))
 * await subscriber.ready
 * publisher.topic('ticks.acme', Tick).next({ price: 1.5 })
 * console.log((await first).price) // 1.5
 * ```
 */
export async function createHub(options: HubOptions): Promise<Hub> {
  return HubResource.create(resolveHubOptions(options))
}
