/**
 * The model of peers: each message comes once, in order, to the peer of its name, and its outcome says what may have become of it.
 *
 * Peers join over each other or in processes of their own, take names over, read or do not, and leave with and without draining.
 */
import { createPeer, type PeerSendOptions } from '../../patterns/messaging/index.js'
import { defineModel, stepsOf } from './model.js'
import { ModelPeer, names, PeerWorld, schemas } from './peer-world.js'
import { sometimes } from './push-world.js'

const step = stepsOf<PeerWorld>()

const rejects = [
  'RIVULET_UNKNOWN_PEER',
  'RIVULET_PEER_GONE',
  'RIVULET_TIMEOUT',
  'RIVULET_UNKNOWN_OUTCOME',
  'RIVULET_CLOSED',
  'RIVULET_NAME_TAKEN',
  'RIVULET_MAILBOX_FULL',
  'RIVULET_MESSAGE_REFUSED',
  'RIVULET_OUTBOX_FULL',
] as const

const ways: readonly PeerSendOptions[] = [
  {},
  {},
  {},
  { timeoutMs: 0 },
  { timeoutMs: 50 },
  { waitForReady: false },
  { delivery: 'at-least-once' },
]

interface Setup {
  readonly options: Record<string, unknown>
}

const steps = [
  step(
    'send',
    12,
    (random) => ({
      from: random.below(8),
      to: random.pick(names),
      count: random.pick([1, 1, 3, 20, 200]),
      // each of its own way and schema: two sends with different options in one turn
      mix: random.pick([1, 2, 7]),
      way: random.below(ways.length),
    }),
    (world, { from, to, count, mix, way }) => {
      const { lab } = world
      const { peer } = world.pick(from)
      for (let at = 0; at < count; at++) {
        const id = world.ids++
        const options = ways[(way + (at % mix)) % ways.length] as PeerSendOptions
        const schema = schemas[at % mix === 0 ? 0 : 1] as (typeof schemas)[0]
        const outcome = lab.call(`send to ${to}`, () => peer.send(to, schema, { id }, options), { rejects })
        world.sent.set(id, { from: peer.self.incarnation, order: 'send', outcome })
        lab.whenSettled(outcome, () => {
          const { error } = outcome as { readonly error?: { readonly code: string; readonly executed?: string } }
          lab.expect(
            error === undefined || error.executed !== undefined,
            `${error?.code} does not say whether it was taken`,
          )
        })
      }
    },
  ),
  step(
    'sendAll',
    2,
    (random) => ({ from: random.below(8), to: random.pick(names.slice(0, -1)), count: random.pick([0, 10, 300]) }),
    (world, { from, to, count }) => {
      const { peer } = world.pick(from)
      const abort = new AbortController()
      const order = `sendAll ${world.ids++}`
      function* messages() {
        for (let at = 0; at < count; at++) {
          const id = world.ids++
          world.sent.set(id, { from: peer.self.incarnation, order, outcome: { label: 'sendAll', settled: true } })
          yield { id }
        }
      }
      const ends = { rejects: ['RIVULET_CLOSED', 'RIVULET_ABORTED', 'RIVULET_NAME_TAKEN'] as const }
      world.lab.call('sendAll', () => peer.sendAll(to, schemas[0], messages(), { signal: abort.signal }), ends)
      world.lab.atEnd(() => abort.abort())
      world.aborts.push(abort)
    },
  ),
  step(
    'broadcast',
    1,
    (random) => ({ from: random.below(8) }),
    (world, { from }) => {
      const { peer } = world.pick(from)
      const id = world.ids++
      const outcome = world.lab.call('broadcast', () => peer.broadcast(schemas[0], { id }, { timeoutMs: 1000 }), {
        rejects: ['RIVULET_NAME_TAKEN', 'RIVULET_CLOSED'],
      })
      world.sent.set(id, { from: peer.self.incarnation, order: 'send', outcome })
    },
  ),
  step(
    'join',
    4,
    (random) => ({ name: random.pick(names.slice(1, -1)), takeover: random.chance(0.3), over: random.below(12) }),
    (world, { name, takeover, over }) => world.open(name, takeover, over < 8 ? world.pick(over) : undefined),
  ),
  step(
    'leave',
    3,
    (random) => ({ peer: random.below(8), options: random.pick([{}, { drain: false }, { timeoutMs: 20 }]) }),
    (world, { peer, options }) => {
      const others = world.present.slice(1)
      const one = others[peer % others.length]
      if (one === undefined) return
      one.isClosing = true
      world.lab.close(one.peer, options)
    },
  ),
  step(
    'read',
    3,
    (random) => ({ peer: random.below(8), schema: random.below(2), wants: random.chance(0.6) }),
    (world, { peer, schema, wants }) => world.pick(peer).read(schema, wants),
  ),
]

export const model = defineModel<Setup, PeerWorld>({
  name: 'peer',
  draw: (random) => ({
    options: {
      ...sometimes(random, 'mailboxMessages', [1, 10]),
      ...sometimes(random, 'mailboxBytes', [10]),
      ...sometimes(random, 'mailboxOverflow', ['block', 'error']),
      ...sometimes(random, 'outboxBytes', [1, 300]),
    },
  }),

  async open(lab, { options }) {
    const world = new PeerWorld(lab, options)
    const hub = await createPeer({ name: 'hub', bind: lab.endpoint(), runtime: lab.runtime, ...options })
    world.peers.push(new ModelPeer(world, hub, 0))
    world.connect = await lab.way(hub.endpoint)
    await world.open('ann', false)
    return world
  },

  steps,

  always({ peers }) {
    for (const peer of peers) peer.check()
  },

  async end(world) {
    const { lab, peers } = world
    for (const peer of world.present) for (const at of schemas.keys()) peer.read(at, true)
    for (const abort of world.aborts) abort.abort()
    await lab.until(
      () => [...world.sent.values()].every(({ outcome }) => outcome.settled),
      'sends that settle while everybody reads',
    )
    for (const one of [...world.present].reverse()) {
      one.isClosing = true
      lab.close(one.peer)
    }
    await lab.within(Promise.all(peers.map(({ peer }) => peer.whenClosed)), 'the peers close')
    await lab.settled()
    for (const { peer } of peers) {
      const { outgoing, incoming } = peer.stats()
      lab.expect(outgoing.pending + incoming.pending === 0, `${peer.name} has pending messages after its close`)
    }
  },
})
