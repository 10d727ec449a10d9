/**
 * The program of `memory.test.ts`: says what pairs of peers hold when they are idle, in bytes of the heap for each pair.
 *
 * In a process of its own, since a test runner keeps account of every promise.
 */
import { createPeer, type Peer, type PeerOptions } from '../../patterns/messaging/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { turn, until } from '../support/events.js'
import { Report } from './peers.js'

/** Peers on each of two nodes. */
const peers = 24

/** Each sends to so many first, with which comes what all pairs of a process share. */
const partnersBefore = 4

const runtime = createRuntime()
const senders = await peersOf('sender', { bind: 'tcp://127.0.0.1:*', runtime })
const receivers = await peersOf('receiver', { connect: (senders[0] as Peer).endpoint, runtime })
const names = receivers.map(({ name }) => name)
let received = 0
for (const receiver of receivers) receiver.messages(Report).subscribe(() => (received += 1))
await until(() => [...senders, ...receivers].every((peer) => peer.peers.length === 2 * peers - 1))

await round(names.slice(0, partnersBefore))
const before = await liveBytes()
await round(names)
const bytesOfPair = ((await liveBytes()) - before) / (peers * (peers - partnersBefore))
console.log(JSON.stringify({ bytesOfPair: Math.round(bytesOfPair) }))
await runtime.close()

async function peersOf(name: string, options: Omit<PeerOptions, 'name'>): Promise<Peer[]> {
  const first = await createPeer({ name: `${name}-0`, ...options })
  const all = [first]
  for (let at = 1; at < peers; at++) all.push(await createPeer({ name: `${name}-${at}`, over: first }))
  return all
}

/** One message from each sender to each of some receivers; resolves when all have their outcome. */
async function round(to: readonly string[]): Promise<void> {
  const due = received + senders.length * to.length
  await Promise.all(senders.flatMap((sender) => to.map((name) => sender.send(name, Report, { id: 1 }))))
  await until(() => received === due)
}

/** What is live in the heap, without what the turn at hand holds. */
async function liveBytes(): Promise<number> {
  await turn()
  const { gc } = globalThis as { gc?: () => void }
  gc?.()
  gc?.()
  return process.memoryUsage().heapUsed
}
