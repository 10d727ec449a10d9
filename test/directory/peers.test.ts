/** Peers in a directory: exclusive names, conflicts with the same winner everywhere, and hosts that are added and removed. */
import { BehaviorSubject } from 'rxjs'
import t from 'tap'
import { createDirectory, createDirectoryHost, type Directory } from '../../patterns/directory/index.js'
import { createPull } from '../../patterns/queue/index.js'
import { type PeerConflict, type PeerRecord, peerDirectory } from '../../src/discovery/index.js'
import { first, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { place } from '../support/transports.js'

const peer = (name: string, instance: string, epoch = 1): PeerRecord => ({
  name,
  instance,
  epoch,
  endpoints: [{ address: `tcp://${instance}:1` }],
})

/** The conflicts that a directory reports, in short. */
function conflictsOf(directory: Directory): string[] {
  const seen: string[] = []
  directory[peerDirectory].conflicts.subscribe(({ name, winner, losers }: PeerConflict) => {
    seen.push(`${name}: ${winner.instance} before ${losers.map(({ instance }) => instance)}`)
  })
  return seen
}

t.test('two holders of a name have one winner at every client, and everybody hears of it', async (t) => {
  const { runtime } = place(t, 'tcp')
  const bind = 'tcp://127.0.0.1:*'
  const hosts = await Promise.all([1, 2].map(() => createDirectoryHost({ bind, runtime })))
  const connect = hosts.map(({ endpoint }) => endpoint)
  const [one, other, looking] = (await Promise.all([1, 2, 3].map(() => createDirectory({ connect, runtime })))) as [
    Directory,
    Directory,
    Directory,
  ]
  const seen = [one, other, looking].map(conflictsOf)
  const held = one[peerDirectory].announcePeer(peer('planner', 'b'))
  other[peerDirectory].announcePeer(peer('worker', 'c'))
  other[peerDirectory].announcePeer(peer('planner', 'a'))
  await until(() => seen.every(({ length }) => length === 1))
  held.update(peer('planner', 'b', 2))
  await until(() => seen.every((list) => list.at(-1) === 'planner: b before a'))
  t.strictSame(
    seen.map((list) => list[0]),
    Array.from({ length: 3 }, () => 'planner: a before b'),
  )
  t.strictSame(
    (await first(looking[peerDirectory].peers, ({ length }) => length === 3)).map(({ instance, epoch }) => [
      instance,
      epoch,
    ]),
    [
      ['a', 1],
      ['b', 2],
      ['c', 1],
    ],
    'those that do not win are shown, too',
  )
  await held.close()
  t.strictSame(
    (await first(looking[peerDirectory].peers, ({ length }) => length === 2)).map(({ instance }) => instance),
    ['a', 'c'],
  )
  t.ok(
    seen.every(({ length }) => length === 2),
    'a conflict that has ended is none',
  )
  t.strictSame(await first(looking.entries('planner')), [], 'peers are apart from services')
  t.throws(() => held.update(peer('other', 'b')), { code: 'RIVULET_INVALID_OPTION' })
  t.throws(() => one[peerDirectory].announcePeer(peer('', 'd')), { code: 'RIVULET_INVALID_OPTION' })
  await one.close()
  t.throws(() => one[peerDirectory].announcePeer(peer('late', 'd')), { code: 'RIVULET_CLOSED' })
})

t.test('hosts are added and removed while a directory is open', async (t) => {
  const { runtime } = place(t, 'tcp')
  const bind = 'tcp://127.0.0.1:*'
  const [one, other] = await Promise.all([
    createDirectoryHost({ bind, runtime }),
    createDirectoryHost({ bind, runtime }),
  ])
  const connect = new BehaviorSubject([one.endpoint])
  const directory = await createDirectory({ connect, runtime })
  const lists: number[] = []
  directory.entries('jobs').subscribe(({ length }) => lists.push(length))
  await until(() => lists.length === 1)
  await directory.announce('jobs', await createPull({ bind, schema: Job, runtime }))
  t.equal(other.stats().announcements, 0)
  connect.next([one.endpoint, other.endpoint])
  await until(() => other.stats().announcements === 1)
  connect.next([other.endpoint])
  await until(() => one.stats().clients === 0 && directory.stats().hosts === 1)
  await directory.announce('others', await createPull({ bind, schema: Job, runtime }))
  t.equal(other.stats().announcements, 2)
  t.strictSame(lists, [0, 1], 'and nothing vanishes meanwhile')
})
