/** A push and its workers, as the model sees them: what was sent, and what may have been lost. */
import type { Push, PushOptions } from '../../patterns/queue/index.js'
import type { Random } from '../simulation/random.js'
import type { Lab } from './lab.js'
import type { Outcome } from './outcomes.js'
import { type Reading, type versions, Worker } from './transient-workers.js'

export interface Setup {
  readonly binds: boolean
  readonly options: Omit<PushOptions<never>, 'schema'>
}

export interface World {
  readonly lab: Lab
  readonly push: Push<{ id: number; note?: string }>
  readonly setup: Setup
  /** Where workers go: the way to the push, or the address that the push connects to. */
  readonly address: string
  readonly workers: Worker[]
  /** Messages by id, and the outcome of those that went through `send`. */
  readonly sends: Map<number, Outcome<unknown>>
  /** Messages that the push was given. */
  offered: number
  /** Whether every message that was sent must have arrived in the end. */
  lossless: boolean
  /** Whether somebody took frames who is no worker. */
  untrusted: boolean
  /** Whether what was given can be counted, and kept its order. */
  countable: boolean
  ordered: boolean
  closing: boolean
  ids: number
}

/** An option that is left out most of the time. */
export function sometimes<T>(random: Random, name: string, choices: readonly T[]): Record<string, T> {
  return random.chance(0.7) ? {} : { [name]: random.pick(choices) }
}

/** Where the ids of messages begin that do something while they are written. */
export const firstGetterId = 1_000_000

/** Values that no message should be. */
export const badValues = [
  'type',
  'large',
  'getter throws',
  'getter sends',
  'getter closes',
  'proxy',
  'nothing',
] as const

/** A value that is not what it should be. */
export function badValue(world: World, kind: (typeof badValues)[number]): never {
  const { push } = world
  const within = (act: () => unknown) => ({
    get id() {
      act()
      return firstGetterId + world.ids++
    },
  })
  if (kind === 'type') return { id: 'one' } as never
  if (kind === 'large') return { id: world.ids++, note: 'x'.repeat(1_100_000) } as never
  if (kind === 'getter sends') return within(() => send(world, 1, 0)) as never
  if (kind === 'getter closes') return within(() => close(world, {})) as never
  if (kind === 'getter throws') {
    return within(() => {
      throw push
    }) as never
  }
  if (kind === 'proxy') {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy as never
  }
  return undefined as never
}

export function codes({ setup }: World): ('RIVULET_OUTBOX_FULL' | 'RIVULET_CLOSED')[] {
  return setup.options.overflow === 'error' ? ['RIVULET_OUTBOX_FULL', 'RIVULET_CLOSED'] : ['RIVULET_CLOSED']
}

export function send(world: World, count: number, bytes: number): void {
  for (let at = 0; at < count; at++) {
    const id = world.ids++
    const note = 'n'.repeat(bytes)
    world.offered += 1
    const rejects = [...codes(world), 'RIVULET_INVALID_MESSAGE'] as const
    const outcome = world.lab.call('send', () => world.push.send(bytes > 0 ? { id, note } : { id }), { rejects })
    world.sends.set(id, outcome)
  }
}

export function close(world: World, options: { drain?: boolean; timeoutMs?: number }): void {
  world.closing = true
  if (options.drain === false || options.timeoutMs !== undefined) world.lossless = false
  const closing = world.lab.close(world.push, options)
  world.lab.atEnd(() => {
    const dropped = world.push.stats().dropped.closed ?? 0
    if (closing.value) {
      const text = () => `undelivered ${closing.value?.undelivered}, dropped as closed ${dropped}`
      world.lab.expect(closing.value.undelivered === dropped, text)
    }
  })
}

export async function join(world: World, version: keyof typeof versions, reading: Reading): Promise<void> {
  const { lab, setup, address, workers } = world
  if (!setup.binds && workers.some(({ left }) => !left)) return
  if (!setup.binds) for (const { pull } of workers) await lab.within(pull.whenClosed, 'a worker closes')
  const place = setup.binds ? { connect: await lab.way(address) } : { bind: address }
  workers.push(await Worker.open(lab, place, version, reading))
}
