/**
 * The model of sockets of datagrams: each message arrives once at most, in order where nobody stands between, and is counted.
 *
 * Sockets of several versions send to each other, to nobody, and to a stranger, who passes on, doubles, damages or is silent.
 */
import { Observable } from 'rxjs'
import type { RivuletError } from '../../src/errors/index.js'
import { total } from '../support/events.js'
import {
  consume,
  consumptions,
  Node,
  reads,
  type Setup,
  Stranger,
  surelyHeld,
  type Version,
  type World,
} from './datagram-world.js'
import { defineModel, stepsOf } from './model.js'

const step = stepsOf<World>()

const any = (random: { below(limit: number): number }): number => random.below(60)
const pick = ({ nodes }: World, number: number): Node => nodes[number % nodes.length] as Node

/** Where messages go: to a socket, to the stranger, to one that may have closed, and to a port where nobody is. */
function place(world: World, to: number): string {
  const kind = to % 10
  if (kind === 0 || kind > 6) return world.stranger.endpoint
  if (kind === 1) return 'udp://127.0.0.1:9'
  const { endpoint } = pick(world, to)
  return kind === 2 ? byName(endpoint) : endpoint
}

const steps = [
  step(
    'sendTo',
    14,
    (random) => ({
      from: any(random),
      to: any(random),
      count: random.pick([1, 1, 2, 20, 80]),
      bytes: random.pick([0, 0, 100, 900]),
    }),
    (world, { from, to, count, bytes }) => {
      world.offered += bytes > 500 ? 3 * count : count
      pick(world, from).sendTo(place(world, to), count, bytes, world.setup.options.overflow)
    },
  ),
  step(
    'next',
    4,
    (random) => ({ from: any(random), count: random.pick([1, 3, 20]) }),
    (world, { from, count }) => {
      world.offered += count
      pick(world, from).next(count)
    },
  ),
  step(
    'sendBad',
    2,
    (random) => ({ from: any(random), kind: random.pick(['type', 'large', 'nothing', 'address', 'family'] as const) }),
    (world, { from, kind }) => {
      const { lab, stranger, nodes } = world
      const node = pick(world, from)
      node.isCountable = false
      const isAddress = kind === 'address' || kind === 'family'
      const to = { address: 'tcp://127.0.0.1:1', family: 'udp://[::1]:9' }[kind as string] ?? stranger.endpoint
      const value =
        isAddress || kind === 'large'
          ? node.message(to, 'bad', isAddress ? 0 : 70_000)
          : { name: kind === 'type' ? 1 : undefined }
      const rejects = [
        'RIVULET_CLOSED',
        'RIVULET_INVALID_MESSAGE',
        'RIVULET_MESSAGE_TOO_LARGE',
        'RIVULET_OUTBOX_FULL',
        'RIVULET_INVALID_ENDPOINT',
      ] as const
      const outcome = lab.call(`sendTo (${kind})`, () => node.datagram.sendTo(to, value as never), { rejects })
      lab.atEnd(() => {
        const isShed = world.setup.options.overflow?.startsWith('drop')
        const isSmall = kind === 'large' && node.version === 'other'
        lab.expect(outcome.error !== undefined || isShed === true || isSmall, `${kind} was taken; ${nodes.length}`)
      })
    },
  ),
  step(
    'sendAll',
    3,
    (random) => ({
      from: any(random),
      source: random.pick(['array', 'async', 'observable', 'failing', 'aborted'] as const),
      count: random.pick([0, 1, 10, 40]),
    }),
    (world, { from, source, count }) => {
      world.offered += count
      const node = pick(world, from)
      function* generator() {
        const kind = node.newSource()
        for (let at = 0; at < count; at++) yield node.message(node.to, kind)
        if (source === 'failing') throw new Error('as it was told to')
      }
      async function* slowly() {
        for (const message of generator()) {
          yield message
          await null
        }
      }
      const observable = new Observable<never>((subscriber) => {
        for (const message of generator()) subscriber.next(message)
        subscriber.complete()
      })
      const sources = { array: [...(source === 'array' ? generator() : [])], async: slowly(), observable }
      const given = source === 'failing' ? generator() : source === 'aborted' ? slowly() : sources[source]
      const abort = new AbortController()
      if (source === 'aborted') setImmediate(() => abort.abort())
      const sending = async () => {
        try {
          const { sent, dropped } = await node.datagram.sendAll(given, { signal: abort.signal })
          node.offered += sent + dropped
        } catch (error) {
          node.isCountable = false
          throw error
        }
      }
      world.lab.call('sendAll', sending, { rejects: ['RIVULET_CLOSED', 'RIVULET_ABORTED', 'RIVULET_SOURCE_FAILED'] })
    },
  ),
  step(
    'consume',
    6,
    (random) => ({ node: any(random), how: random.pick(consumptions) }),
    (world, { node, how }) => consume(world, pick(world, node), how),
  ),
  step(
    'relay',
    10,
    (random) => ({ to: any(random), copies: random.pick([1, 1, 2, 3]), isLate: random.chance(0.4) }),
    (world, { to, copies, isLate }) => world.stranger.pass(pick(world, to).endpoint, copies, isLate),
  ),
  step(
    'damage',
    1,
    (random) => ({ to: any(random), bit: random.below(20_000) }),
    (world, { to, bit }) => world.stranger.damage(pick(world, to).endpoint, bit),
  ),
  step(
    'noise',
    1,
    (random) => ({ to: any(random), bytes: random.bytes(random.below(100)).toString('hex') }),
    (world, { to, bytes }) => world.stranger.send(pick(world, to).endpoint, Buffer.from(bytes, 'hex')),
  ),
  step(
    'join',
    2,
    (random) => random.pick<Version>(['same', 'same', 'later', 'other']),
    (world, version) => join(world, version),
  ),
  step(
    'restart',
    2,
    (random) => ({ node: any(random), version: random.pick<Version>(['same', 'later', 'other']) }),
    async (world, { node, version }) => {
      const { lab } = world
      const former = pick(world, node)
      if (!former.isClosing) former.close({ drain: false })
      await lab.within(former.datagram.whenClosed, 'a socket closes')
      try {
        await join(world, version, former.endpoint)
      } catch (error) {
        // a socket of another sequence may have the port now
        lab.expect((error as RivuletError).code === 'RIVULET_BIND_FAILED', () => `restart: ${error}`)
      }
    },
  ),
  step(
    'close',
    1,
    (random) => ({
      node: any(random),
      options: random.pick([{}, { timeoutMs: 0 }, { timeoutMs: 20 }, { drain: false }]),
    }),
    (world, { node, options }) => pick(world, node).close(options),
  ),
]

async function join(world: World, version: Version, bind?: string): Promise<void> {
  const { nodes } = world
  if (bind !== undefined && nodes.some(({ endpoint, isClosing }) => endpoint === bind && !isClosing)) return
  nodes.push(await Node.open(world, version, bind))
}

export const model = defineModel<Setup, World>({
  name: 'datagram',
  draw: (random) => ({
    options: {
      ...(random.chance(0.4) && { overflow: random.pick(['block', 'error', 'drop-oldest', 'drop-newest'] as const) }),
      ...(random.chance(0.4) && { outboxBytes: random.pick([1, 300, 3000, 50_000]) }),
      ...(random.chance(0.3) && { inboxBytes: random.pick([1024, 5000]) }),
      ...(random.chance(0.4) && { batch: true }),
      ...(random.chance(0.2) && { sourceLimit: random.pick([1, 2]) }),
      ...(random.chance(0.2) && { maxPayloadBytes: random.pick([1100, 9000]) }),
    },
    isRaw: random.chance(0.15),
    nodes: Array.from({ length: random.between(2, 3) }, () => random.pick<Version>(['same', 'same', 'later', 'other'])),
  }),

  async open(lab, setup) {
    const stranger = await Stranger.open(lab)
    const world: World = { lab, setup, nodes: [], stranger, offered: 0 }
    for (const version of setup.nodes) await join(world, version)
    return world
  },

  steps,

  always({ nodes }) {
    for (const node of nodes) node.check()
  },

  async end(world) {
    const { lab, nodes } = world
    for (const node of nodes) await consume(world, node, 'subscribe')
    for (const { sent } of nodes) {
      const outcomes = [...sent.values()].flat()
      await lab.until(() => outcomes.every(({ settled }) => settled), 'sends that settle')
    }
    const open = nodes.filter(({ isClosing }) => !isClosing)
    for (const { datagram } of open) {
      await lab.until(() => datagram.stats().outgoing.pending === 0, 'what was taken is sent')
    }
    for (const to of open) for (const from of open) await arrived(world, from, to)
    for (const node of open) node.close({})
    await lab.settled()
    for (const node of nodes) checkAtRest(world, node)
  },
})

/** What one socket has sent to another has arrived. */
async function arrived({ lab, setup, offered, nodes }: World, from: Node, to: Node): Promise<void> {
  const { overflow, sourceLimit } = setup.options
  const isKnown = overflow !== 'drop-oldest' && overflow !== 'drop-newest' && sourceLimit === undefined
  // what another socket at one of the addresses was sent, or has sent, is not known
  const isAlone = nodes.filter(({ endpoint }) => endpoint === to.endpoint || endpoint === from.endpoint).length === 2
  if (setup.isRaw || !isKnown || !isAlone || from === to || offered > surelyHeld) return
  const sent = [to.endpoint, byName(to.endpoint)].flatMap((place) => from.sent.get(place) ?? [])
  const taken = sent.filter(({ error }) => error === undefined).length
  const counts = () => to.datagram.stats().sources.filter((source) => source.from === from.endpoint)
  const text = () => `${taken} messages that arrive: ${JSON.stringify(counts())}`
  const received = () => counts().reduce((sum, source) => sum + source.received, 0)
  await lab.until(() => received() >= taken, text)
  lab.expect(
    counts().every(({ lost, late }) => lost + late === 0) && (received() === taken || from.to === to.endpoint),
    text,
  )
}

/** The same place, by the name of its host. */
function byName(endpoint: string): string {
  return endpoint.replace('127.0.0.1', 'localhost')
}

function checkAtRest({ lab, setup, nodes }: World, node: Node): void {
  const stats = node.datagram.stats()
  const { incoming, outgoing } = stats
  const counts = () => `${node.name}: ${JSON.stringify({ offered: node.offered, got: node.got, ...stats })}`
  lab.expect(outgoing.pending === 0 && incoming.pending === 0, () => `pending after the end: ${counts()}`)
  lab.expect(node.got === incoming.delivered, () => `what was delivered was seen: ${counts()}`)
  if (node.isCountable) {
    lab.expect(outgoing.accepted + total(outgoing.refused) === node.offered, () => `taken or refused: ${counts()}`)
  }
  const ofNumbers = ['duplicate', 'replayed', 'unknown-schema', 'incompatible-schema']
  const reasons = ['overflow', 'closed', ...(setup.isRaw ? ['undecodable'] : ofNumbers)]
  for (const reason of Object.keys(incoming.dropped)) lab.expect(reasons.includes(reason), `dropped: ${reason}`)
  for (const reason of Object.keys(outgoing.dropped)) {
    lab.expect(reason === 'closed' || reason === 'overflow', () => `dropped without need: ${counts()}`)
  }
  const isReadable = nodes.every(({ version }) => reads(node.version, version))
  if (isReadable && !setup.isRaw) {
    lab.expect(incoming.dropped['incompatible-schema'] === undefined, () => `cannot be read: ${counts()}`)
  }
}
