/** Hubs for tests: with an address of its own for each of their sides, over any transport. */
import { createHub, type Hub, type HubOptions } from '../../patterns/pubsub/index.js'
import type { Place } from '../support/transports.js'

let count = 0

/** Another endpoint to bind at a place. */
export function another({ bind, transport }: Pick<Place, 'bind' | 'transport'>): string {
  return transport === 'tcp' ? bind : `${bind}-${++count}`
}

/** What a test says of a hub beside its endpoints. */
interface HubParts {
  readonly publishers?: Partial<HubOptions['publishers']>
  readonly subscribers?: Partial<HubOptions['subscribers']>
}

/** A hub that binds both sides, with further options of each. */
export function hubAt(place: Place, parts: HubParts = {}): Promise<Hub> {
  const { publishers = {}, subscribers = {} } = parts
  return createHub({
    publishers: { bind: another(place), ...publishers },
    subscribers: { bind: another(place), ...subscribers },
    runtime: place.runtime,
  })
}

/** A hub that takes the messages of other hubs, and binds both sides. */
export function hubBelow(place: Place, ...above: Hub[]): Promise<Hub> {
  return hubAt(place, { publishers: { connect: above.map(({ subscribers }) => subscribers.endpoint) } })
}
