/** A publisher and its subscribers, as the model sees them: what was published, and what the publisher says of them. */
import { createPublisher, type Publisher, type PublisherOptions } from '../../patterns/pubsub/index.js'
import type { NativeSocket } from '../../src/socket/native.js'
import { Job } from '../support/job.js'
import type { Lab } from './lab.js'
import type { Listener, Published, StreamPlan } from './topic-readers.js'

export interface Setup {
  readonly binds: boolean
  /** What the first subscriber has from the beginning. */
  readonly first: StreamPlan | undefined
  readonly options: Omit<PublisherOptions, 'bind' | 'connect' | 'runtime'>
}

export interface World {
  readonly lab: Lab
  readonly setup: Setup
  readonly published: Published
  readonly listeners: Listener[]
  readonly raws: NativeSocket[]
  /** Where the publisher binds, or connects to. */
  readonly place: { readonly bind: string } | { readonly connect: string }
  /** Where subscribers go: the way to the publisher, or the address that it connects to. */
  address: string
  publisher: Publisher
  /** How many publishers there were before this one. */
  restarts: number
  /** What is subscribed, as the publisher has reported it. */
  known: Map<string, number>
  /** Topics that were used and are not held. */
  past: WeakRef<object>[]
  /** Messages that this publisher was given, and whether that can be counted. */
  offered: number
  countable: boolean
  closing: boolean
}

/** Where a test begins to be greedy, in bytes: far above what honest subscribers take here. */
export const smallLimit = 8192

export function codes({ setup }: World): ('RIVULET_OUTBOX_FULL' | 'RIVULET_CLOSED')[] {
  return setup.options.overflow === 'error' ? ['RIVULET_OUTBOX_FULL', 'RIVULET_CLOSED'] : ['RIVULET_CLOSED']
}

export function sink({ publisher }: World, name: string) {
  return publisher.closed || publisher.status === 'closing' ? undefined : publisher.topic(name, Job)
}

export function send(world: World, name: string, count: number, bytes: number): void {
  const topic = sink(world, name)
  for (let at = 0; topic && at < count; at++) {
    const id = world.published.give(name, world.restarts)
    world.offered += 1
    const job = bytes > 0 ? { id, note: 'n'.repeat(bytes) } : { id }
    world.lab.call('send', () => topic.send(job), { rejects: codes(world) })
  }
}

export async function open(lab: Lab, setup: Setup, place: World['place']): Promise<Pick<World, 'publisher' | 'known'>> {
  const publisher = lab.watch(await createPublisher({ runtime: lab.runtime, ...setup.options, ...place }))
  const known = new Map<string, number>()
  lab.observe('subscriptions', publisher.subscriptions, {}, ({ kind, prefix, subscribers }) => {
    const before = known.get(prefix) ?? 0
    const isReset = kind === 'unsubscribed' && subscribers === 0
    const text = () => `${kind} ${prefix}: ${subscribers} after ${before}`
    lab.expect(isReset ? before > 0 : subscribers === before + (kind === 'subscribed' ? 1 : -1), text)
    if (subscribers > 0) known.set(prefix, subscribers)
    else known.delete(prefix)
  })
  return { publisher, known }
}

export function close(world: World, options: { drain?: boolean; timeoutMs?: number }): void {
  const { lab, publisher } = world
  world.closing = true
  const closing = lab.close(publisher, options)
  lab.atEnd(() => {
    const dropped = publisher.stats().dropped.closed ?? 0
    const text = () => `undelivered ${closing.value?.undelivered}, dropped as closed ${dropped}`
    if (closing.value) lab.expect(closing.value.undelivered === dropped, text)
  })
}

/** A plain socket that subscribes; each prefix once, since the publisher cannot tell how often it leaves one. */
export async function rawSubscriber({ lab, address, raws }: World, prefixes: Iterable<string>): Promise<NativeSocket> {
  const raw = lab.raw('xsub')
  raws.push(raw)
  raw.connect(address)
  for (const prefix of new Set(prefixes)) await raw.send(Buffer.concat([Buffer.of(1), Buffer.from(prefix)]))
  return raw
}
