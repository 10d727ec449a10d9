/** What the tests of messaging share: schemas, and peers that note what they see and get. */
import { createPeer, type Peer, type PeerOptions } from '../../patterns/messaging/index.js'
import { defineSchema, type Schema } from '../../src/avro/index.js'
import { until } from '../support/events.js'

const numbered = <Name extends string>(name: Name) =>
  defineSchema({ type: 'record', name, namespace: 'test.messaging', fields: [{ name: 'id', type: 'int' }] } as const)

/** Two schemas of messages. */
export const Report = numbered('Report')
export const Order = numbered('Order')

/** The messages of one schema. */
export type Numbered = { readonly id: number }

/** What a peer got, over all schemas, in the order in which it was handed out: `from name/schema id`. */
export function inbox(peer: Peer, schemas: Readonly<Record<string, Schema<unknown, Numbered>>> = { Report, Order }) {
  const got: string[] = []
  for (const [name, schema] of Object.entries(schemas)) {
    peer.deliveries(schema).subscribe(({ from, value }) => got.push(`${from.name}/${name} ${value.id}`))
  }
  return got
}

/** What a peer sees of others. */
export function sight(peer: Peer): string[] {
  const seen: string[] = []
  peer.presence.subscribe((event) => seen.push('peer' in event ? `${event.kind} ${event.peer.name}` : event.kind))
  return seen
}

/** Resolves when a peer sees these others, and nobody else. */
export function sees(peer: Peer, ...names: string[]): Promise<void> {
  const wanted = [...names].sort().join()
  return until(
    () =>
      peer.peers
        .map(({ name }) => name)
        .sort()
        .join() === wanted,
  )
}

/** Opens a peer that others connect to, and one that does. */
export async function pair(place: { readonly bind: string; readonly runtime: PeerOptions['runtime'] & object }) {
  const { bind, runtime } = place
  const planner = await createPeer({ name: 'planner', bind, runtime })
  const worker = await createPeer({ name: 'worker', connect: planner.endpoint, runtime })
  return { planner, worker }
}

/** The code of an error and whether the message may have been taken. */
export async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'none'
  } catch (error) {
    const { code, executed } = error as { readonly code: string; readonly executed: string }
    return `${code} ${executed}`
  }
}
