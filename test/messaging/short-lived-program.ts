/**
 * Many peers of one process that send each other messages; it prints how much each message leaves in the old space of the
 * engine, in bytes. To be run with `--expose-gc`, without the hooks of tap, which count every promise.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { getHeapSpaceStatistics } from 'node:v8'
import { createPeer, type Peer } from '../../patterns/messaging/index.js'
import { Note } from './crowd-member.js'

const [count, partners, inFlight] = [100, 10, 25]
const [warmUp, messages] = [500, 300]

const collect = (globalThis as unknown as { gc(options?: { type: 'minor' }): void }).gc

const first = await createPeer({ name: 'peer-0', bind: 'inproc://short-lived' })
const peers = [first]
for (let i = 1; i < count; i++) peers.push(await createPeer({ name: `peer-${i}`, over: first }))
for (const peer of peers) peer.deliveries(Note).subscribe()
await sendAll(warmUp) // the streams are open, and the code is compiled
collect()
const before = oldBytes()
await sendAll(messages)
collect({ type: 'minor' })
console.log((oldBytes() - before) / (count * messages))
await first.close()

async function sendAll(messages: number): Promise<void> {
  await Promise.all(peers.map((peer, at) => sendFrom(peer, at, messages)))
}

async function sendFrom(peer: Peer, at: number, messages: number): Promise<void> {
  for (let sent = 0; sent < messages; sent += inFlight) {
    const sends = Array.from({ length: inFlight }, (_, i) => {
      const to = `peer-${(at + 1 + 9 * ((sent + i) % partners)) % count}`
      return peer.send(to, Note, { place: sent + i, text: 'a line of text' })
    })
    await Promise.all(sends)
    await nextTurn() // what was taken is handed out
  }
}

function oldBytes(): number {
  return getHeapSpaceStatistics().find((space) => space.space_name === 'old_space')?.space_used_size ?? 0
}
