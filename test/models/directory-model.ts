/**
 * The model of a directory: what is announced and not withdrawn is in every list in the end, and nothing else is.
 *
 * Directories announce, withdraw, watch and are closed; hosts close and start again, all at once or one after the other.
 */
import {
  createDirectory,
  createDirectoryHost,
  type Directory,
  type DirectoryEntry,
  type DirectoryHost,
  type DirectoryHostOptions,
  type DirectoryOptions,
} from '../../patterns/directory/index.js'
import { createPull, type Pull } from '../../patterns/queue/index.js'
import { Job } from '../support/job.js'
import type { Lab } from './lab.js'
import { defineModel, stepsOf } from './model.js'
import type { Outcome, Watched } from './outcomes.js'
import { sometimes } from './push-world.js'

type Announcement = Awaited<ReturnType<Directory['announce']>>

interface Setup {
  readonly hosts: number
  readonly directories: number
  readonly host: Omit<DirectoryHostOptions, 'bind'>
  readonly directory: Omit<DirectoryOptions, 'connect'>
}

/** One host after the other at one endpoint. */
interface Place {
  readonly endpoint: string
  host: DirectoryHost
}

/** One directory after the other, with what it has announced and what it watches. */
interface Client {
  directory: Directory
  announced: Announced[]
  watched: Watched<readonly DirectoryEntry[]>[]
}

interface Announced {
  readonly id: string
  readonly name: string
  readonly outcome: Outcome<Announcement>
  isWithdrawn: boolean
}

interface World {
  readonly lab: Lab
  readonly setup: Setup
  readonly places: Place[]
  readonly connect: readonly string[]
  readonly clients: Client[]
  readonly target: Pull<unknown>
  announcements: number
  isRestarting: Promise<unknown>
}

const names = ['quotes', 'jobs', 'constructor'] as const
const step = stepsOf<World>()

async function openHost({ lab, setup }: Pick<World, 'lab' | 'setup'>, bind: string): Promise<DirectoryHost> {
  return lab.watch(await createDirectoryHost({ bind, runtime: lab.runtime, ...setup.host }))
}

async function openDirectory({ lab, setup, connect }: Pick<World, 'lab' | 'setup' | 'connect'>): Promise<Directory> {
  return lab.watch(await createDirectory({ connect, runtime: lab.runtime, ...setup.directory }))
}

function nameOf(number: number): string {
  return names[number % names.length] as string
}

function clientOf({ clients }: World, at: number): Client {
  return clients[at % clients.length] as Client
}

function idsOf(entries: readonly DirectoryEntry[]): string[] {
  return entries.map(({ metadata }) => metadata.id ?? '').sort()
}

/** Observes a name: each list differs from the one before, and has no instance twice. */
function watch({ lab }: World, { directory }: Client, name: string): Watched<readonly DirectoryEntry[]> {
  let before: string | undefined
  return lab.observe(`entries of ${name}`, directory.entries(name), {}, (entries) => {
    const text = JSON.stringify(entries)
    lab.expect(text !== before, () => `a list without a change: ${text}`)
    before = text
    lab.expect(new Set(idsOf(entries)).size === entries.length, () => `an instance twice: ${text}`)
    lab.expect(
      entries.every((entry) => entry.name === name),
      () => `another name: ${text}`,
    )
  })
}

/** Withdraws what has been announced. */
function withdraw({ lab }: World, one: Announced): void {
  const { value } = one.outcome
  if (value === undefined) return
  one.isWithdrawn = true
  lab.call('withdraw', () => value.close())
  lab.expect(value.closed, 'a withdrawn announcement is not closed')
}

/** What is announced of a name by directories that are open. */
function expected({ clients }: World, name: string): string[] {
  const all = clients.flatMap(({ announced }) => announced)
  return all
    .filter((one) => one.name === name && !one.isWithdrawn)
    .map(({ id }) => id)
    .sort()
}

export const model = defineModel<Setup, World>({
  name: 'directory',
  draw: (random) => ({
    hosts: random.between(1, 2),
    directories: random.between(1, 3),
    host: {
      ...sometimes(random, 'leaseMs', [0, 1000]),
      ...sometimes(random, 'graceMs', [0, 500]),
    },
    directory: { ...sometimes(random, 'staleMs', [0, 2000]) },
  }),
  async open(lab, setup) {
    const hosts = await Promise.all(Array.from({ length: setup.hosts }, () => openHost({ lab, setup }, lab.endpoint())))
    const connect = await Promise.all(hosts.map(({ endpoint }) => lab.way(endpoint)))
    const directories = await Promise.all(
      Array.from({ length: setup.directories }, () => openDirectory({ lab, setup, connect })),
    )
    const target = lab.watch(await createPull({ bind: lab.endpoint(), schema: Job, runtime: lab.runtime }))
    return {
      lab,
      setup,
      connect,
      target,
      places: hosts.map((host) => ({ endpoint: host.endpoint, host })),
      clients: directories.map((directory) => ({ directory, announced: [], watched: [] })),
      announcements: 0,
      isRestarting: Promise.resolve(),
    }
  },
  steps: [
    step(
      'announce',
      8,
      (random) => ({ at: random.below(4), name: random.below(3) }),
      (world, { at, name }) => {
        const client = clientOf(world, at)
        world.announcements += 1
        const id = `${world.announcements}`
        const options = { endpoints: `tcp://127.0.0.1:${1000 + world.announcements}`, metadata: { id } }
        const outcome = world.lab.call(
          'announce',
          () => client.directory.announce(nameOf(name), world.target, options),
          { rejects: ['RIVULET_CLOSED'] },
        )
        client.announced.push({ id, name: nameOf(name), outcome, isWithdrawn: false })
      },
    ),
    step(
      'withdraw',
      5,
      (random) => ({ at: random.below(4), which: random.below(8) }),
      (world, { at, which }) => {
        const { announced } = clientOf(world, at)
        const one = announced[which % Math.max(1, announced.length)]
        if (one !== undefined) withdraw(world, one)
      },
    ),
    step(
      'watch',
      4,
      (random) => ({ at: random.below(4), name: random.below(3) }),
      (world, { at, name }) => {
        const client = clientOf(world, at)
        client.watched.push(watch(world, client, nameOf(name)))
      },
    ),
    step(
      'unwatch',
      3,
      (random) => ({ at: random.below(4) }),
      (world, { at }) => clientOf(world, at).watched.shift()?.unsubscribe(),
    ),
    step(
      'restart a host',
      2,
      (random) => ({ at: random.below(2), drain: random.chance(0.5), isAll: random.chance(0.3) }),
      (world, { at, drain, isAll }) => {
        const { places, lab } = world
        const some = isAll ? places : [places[at % places.length] as Place]
        // one after the other: a host that has not opened cannot be closed
        world.isRestarting = world.isRestarting.then(() =>
          Promise.all(
            some.map(async (place) => {
              await place.host.close({ drain })
              place.host = await openHost({ lab, setup: world.setup }, place.endpoint)
            }),
          ),
        )
      },
    ),
    step(
      'close a directory',
      1,
      (random) => ({ at: random.below(4), drain: random.chance(0.7) }),
      async (world, { at, drain }) => {
        const client = clientOf(world, at)
        world.lab.close(client.directory, { drain })
        client.announced = []
        client.watched = []
        client.directory = await openDirectory(world)
      },
    ),
  ],
  async end(world) {
    const { lab, places, clients } = world
    await lab.within(world.isRestarting, 'hosts that start again')
    lab.rejoin()
    const settled = () => clients.every(({ announced }) => announced.every(({ outcome }) => outcome.settled))
    await lab.until(settled, 'announcements without an outcome')
    for (const { announced } of clients) {
      for (const one of announced) if (Number(one.id) % 3 === 0) withdraw(world, one)
    }
    for (const client of clients) {
      for (const name of names) {
        const fresh = watch(world, client, name)
        const wanted = expected(world, name)
        const isThere = () => JSON.stringify(idsOf(fresh.values.at(-1) ?? [])) === JSON.stringify(wanted)
        await lab.until(
          () => fresh.values.length > 0 && isThere(),
          () => `${name} is ${JSON.stringify(fresh.values.at(-1))}, and not ${wanted}`,
        )
        fresh.unsubscribe()
      }
    }
    const size = names.reduce((sum, name) => sum + expected(world, name).length, 0)
    await lab.until(
      () => places.every(({ host }) => host.stats().announcements === size),
      () => `hosts have ${places.map(({ host }) => host.stats().announcements)}, and not ${size}`,
    )
    const closing = [...clients.map(({ directory }) => lab.close(directory)), lab.close(world.target)]
    await lab.until(() => closing.every((one) => one.settled), 'directories that do not close')
    await lab.until(
      () => places.every(({ host }) => host.stats().announcements === 0 && host.stats().watches === 0),
      () => `after all is closed hosts have ${places.map(({ host }) => JSON.stringify(host.stats()))}`,
    )
    for (const { host } of places) lab.close(host)
  },
})
