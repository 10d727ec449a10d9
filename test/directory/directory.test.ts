/** The directory over sockets: what is announced is seen, follows its resource, and outlives hosts. */
import t, { type Test } from 'tap'
import {
  createDirectory,
  createDirectoryHost,
  type Directory,
  type DirectoryHost,
  type DirectoryHostOptions,
} from '../../patterns/directory/index.js'
import { createPublisher } from '../../patterns/pubsub/index.js'
import { createPull, createQueueHost } from '../../patterns/queue/index.js'
import { defineSchema } from '../../src/avro/index.js'
import { closeAll } from '../../src/lifecycle/index.js'
import { codesOf, first, until } from '../support/events.js'
import { eachTransport, type Place, place } from '../support/transports.js'

const Note = defineSchema({ type: 'record', name: 'Note', fields: [{ name: 'text', type: 'string' }] })
const endpoints = ['tcp://127.0.0.1:1', 'tcp://127.0.0.1:2']

/** Opens hosts; those over ipc and inproc have endpoints of their own. */
function openHosts(at: Place, count: number, options: Partial<DirectoryHostOptions> = {}): Promise<DirectoryHost[]> {
  const bindOf = (index: number) => (at.transport === 'tcp' ? at.bind : `${at.bind}-${index}`)
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      createDirectoryHost({ bind: bindOf(index), runtime: at.runtime, ...options }),
    ),
  )
}

function openDirectory({ runtime }: Place, hosts: readonly DirectoryHost[]): Promise<Directory> {
  return createDirectory({ connect: hosts.map(({ endpoint }) => endpoint), runtime })
}

/** A resource to announce. */
async function openQueues({ runtime }: Place) {
  return createQueueHost({ bind: 'tcp://127.0.0.1:*', store: 'memory', queues: { jobs: {} }, runtime })
}

/** The instances of a name as they were seen, one list after the other. */
function seen(t: Test, directory: Directory, name: string): string[][] {
  const lists: string[][] = []
  const subscription = directory.entries(name).subscribe((entries) => {
    lists.push(entries.map(({ metadata }) => metadata.zone ?? ''))
  })
  t.teardown(() => subscription.unsubscribe())
  return lists
}

eachTransport(t, 'what is announced is seen, and withdrawn by hand or with its resource', async (t, at) => {
  const hosts = await openHosts(at, 2)
  const [one, other] = await Promise.all([openDirectory(at, hosts), openDirectory(at, hosts)])
  const lists = seen(t, other, 'jobs')
  await until(() => lists.length === 1)
  const [east, west] = await Promise.all([openQueues(at), openQueues(at)])
  const announcement = await one.announce('jobs', east, { metadata: { zone: 'east' } })
  await until(() => lists.length === 2)
  await one.announce('jobs', west, { metadata: { zone: 'west' } })
  await until(() => lists.length === 3)
  t.strictSame(
    (await first(other.endpoints('jobs'))).map(({ address }) => address),
    [east.endpoint, west.endpoint].sort(),
  )
  t.strictSame(announcement.endpoints, [{ address: east.endpoint }])
  await announcement.close()
  t.ok(announcement.closed)
  await until(() => lists.length === 4)
  t.equal(east.status, 'open', 'its resource stays open')
  await west.close()
  await until(() => lists.length === 5)
  t.strictSame(
    lists.map((zones) => zones.sort()),
    [[], ['east'], ['east', 'west'], ['west'], []],
    'each change once',
  )
  t.strictSame(
    hosts.map((host) => host.stats().announcements),
    [0, 0],
  )
})

eachTransport(t, 'a list outlives all hosts, and what is announced is announced again', async (t, at) => {
  const hosts = await openHosts(at, 2)
  const [one, other] = await Promise.all([openDirectory(at, hosts), openDirectory(at, hosts)])
  const lists = seen(t, other, 'jobs')
  await one.announce('jobs', await openQueues(at), { metadata: { zone: 'east' } })
  await until(() => lists.at(-1)?.length === 1)
  const length = lists.length
  await Promise.all(hosts.map((host) => host.close()))
  await until(() => other.connected === 0)
  const again = await Promise.all(
    hosts.map(({ endpoint }) => createDirectoryHost({ bind: endpoint, runtime: at.runtime })),
  )
  await until(() => again.every((host) => host.stats().announcements === 1))
  await one.announce('other', await openQueues(at)) // a round trip
  t.equal(lists.length, length, 'nothing has changed')
  t.equal(lists.at(-1)?.length, 1)
})

t.test('everything that is bound can be announced', async (t) => {
  const at = place(t, 'tcp')
  const hosts = await openHosts(at, 1)
  const directory = await openDirectory(at, hosts)
  const { runtime } = at
  const publisher = await createPublisher({ bind: 'tcp://127.0.0.1:*', runtime })
  const pull = await createPull({ bind: 'tcp://127.0.0.1:*', schema: Note, runtime })
  for (const [name, resource] of Object.entries({ publisher, pull, host: hosts[0] as DirectoryHost })) {
    await directory.announce(name, resource)
    const [entry] = await first(directory.entries(name), ({ length }) => length > 0)
    t.equal(entry?.endpoint.address, resource.endpoint)
  }
})

t.test('a resource that others cannot reach as it is bound is given its endpoints', async (t) => {
  const at = place(t, 'tcp')
  const hosts = await openHosts(at, 1)
  const directory = await openDirectory(at, hosts)
  const pulls = await Promise.all(
    ['tcp://0.0.0.0:*', 'tcp://[::]:*', 'inproc://pull'].map((bind) =>
      createPull({ bind, schema: Note, runtime: at.runtime, insecure: true }),
    ),
  )
  for (const pull of pulls) {
    await t.rejects(directory.announce('pull', pull), {
      code: 'RIVULET_INVALID_OPTION',
      message: /endpoints must be given/,
    })
  }
  const [pull] = pulls as [(typeof pulls)[number]]
  const announcement = await directory.announce('pull', pull, { endpoints })
  t.strictSame(
    announcement.endpoints.map(({ address }) => address),
    endpoints,
  )
  const entries = await first(directory.entries('pull'), ({ length }) => length > 0)
  t.strictSame(
    entries.map(({ endpoint }) => endpoint.address),
    endpoints,
    'an entry for each',
  )
  const both = await createPull({ bind: ['inproc://both', 'tcp://127.0.0.1:*'], schema: Note, runtime: at.runtime })
  const { endpoints: reachable } = await directory.announce('both', both)
  t.strictSame(
    reachable.map(({ address }) => address),
    both.endpoints.filter((endpoint) => endpoint.startsWith('tcp:')),
    'inproc is left out',
  )
})

t.test('what cannot be announced is refused with a reason', async (t) => {
  const at = place(t, 'tcp')
  const hosts = await openHosts(at, 1, { maxClientAnnouncements: 1 })
  const directory = await openDirectory(at, hosts)
  const queues = await openQueues(at)
  const refused = (name: unknown, resource: unknown, options?: object) =>
    directory.announce(name as string, resource as typeof queues, options)
  const invalid = { code: 'RIVULET_INVALID_OPTION' }
  await t.rejects(refused('', queues), invalid)
  await t.rejects(refused('a\nb', queues), invalid)
  await t.rejects(refused('a'.repeat(256), queues), invalid)
  await t.rejects(refused(7, queues), invalid)
  await t.rejects(refused('a', { endpoints: [] }), invalid)
  await t.rejects(refused('a', undefined), invalid)
  await t.rejects(refused('a', directory), invalid)
  await t.rejects(refused('a', queues, { metadata: { zone: 7 } }), invalid)
  await t.rejects(refused('a', queues, { metadata: { zone: 'a'.repeat(5000) } }), invalid)
  await t.rejects(refused('a', queues, { endpoints: [] }), invalid)
  await t.rejects(refused('a', queues, { endpoints: { address: 'tcp://a:1', serverKey: 'b' } }), invalid)
  await t.rejects(refused('a', queues, { endpoints: 'tcp://a:*' }), { code: 'RIVULET_INVALID_ENDPOINT' })
  await t.rejects(refused('a', queues, { endpoint: 'tcp://a:1' }), { message: /did you mean 'endpoints'/ })
  t.throws(() => directory.entries(''), invalid)
  t.throws(() => directory.endpoints('a\0'), invalid)
  const codes = codesOf(hosts[0] as DirectoryHost)
  await directory.announce('a', queues)
  await t.rejects(refused('b', queues), { code: 'RIVULET_DIRECTORY_FULL' })
  t.strictSame(codes, ['RIVULET_DIRECTORY_FULL'])
  t.strictSame(hosts[0]?.stats().refusedAnnouncements, { RIVULET_DIRECTORY_FULL: 1 })
  t.equal(directory.stats().announcements, 1, 'what was refused is not tried again')
  await queues.close()
  await t.rejects(refused('c', queues), { code: 'RIVULET_CLOSED' })
})

t.test('announcing waits for a host, and can be given up', async (t) => {
  const at = place(t, 'inproc')
  const directory = await createDirectory({ connect: at.bind, runtime: at.runtime })
  const queues = await openQueues(at)
  const announced = directory.announce('jobs', queues)
  await t.rejects(directory.announce('late', queues, { timeoutMs: 1 }), { code: 'RIVULET_TIMEOUT' })
  const abort = new AbortController()
  const aborted = directory.announce('aborted', queues, { signal: abort.signal })
  abort.abort()
  await t.rejects(aborted, { code: 'RIVULET_ABORTED' })
  const host = await createDirectoryHost({ bind: at.bind, runtime: at.runtime })
  await announced
  t.equal(host.stats().announcements, 1, 'the others are not announced')
})

t.test('closing withdraws what was announced, and completes what is read', async (t) => {
  const at = place(t, 'tcp')
  const hosts = await openHosts(at, 2)
  const directory = await openDirectory(at, hosts)
  await directory.announce('jobs', await openQueues(at))
  let completed = 0
  directory.entries('jobs').subscribe({ complete: () => completed++ })
  directory.endpoints('jobs').subscribe({ complete: () => completed++ })
  await closeAll([...hosts, directory])
  t.equal(completed, 2)
  t.strictSame(
    hosts.map((host) => host.stats().announcements),
    [0, 0],
    'before the hosts were closed',
  )
  directory.entries('jobs').subscribe({ complete: () => completed++ })
  t.equal(completed, 3)
  await t.rejects(directory.announce('a', await openQueues(at)), { code: 'RIVULET_CLOSED' })
})

t.test('what nobody reads is not watched', async (t) => {
  const at = place(t, 'tcp')
  const [host] = (await openHosts(at, 1)) as [DirectoryHost]
  const directory = await openDirectory(at, [host])
  const one = directory.entries('jobs').subscribe()
  const other = directory.endpoints('jobs').subscribe()
  const third = directory.entries('others').subscribe()
  await until(() => host.stats().watches === 2)
  one.unsubscribe()
  other.unsubscribe()
  await until(() => host.stats().watches === 1)
  third.unsubscribe()
  directory.entries('others').subscribe()
  t.strictSame(await first(directory.entries('others')), [])
  t.equal(host.stats().watches, 1)
})
