/**
 * A flood of random packets and of mutations of valid ones at one socket, with honest messages between them.
 *
 * After each batch an honest message must arrive: then all that was before it in the buffer of the system has been read.
 */
import { createSocket } from 'node:dgram'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createDatagram } from '../../patterns/socket/datagram/index.js'
import { mutateFrame } from '../fuzz/mutate.js'
import { Random } from '../simulation/random.js'
import { total } from '../support/events.js'
import type { Scope } from '../support/scope.js'
import { Reading, validDatagrams } from '../support/valid-datagrams.js'

/** Packets before the next honest message: the smallest buffer that a system gives takes them. */
const batch = 50

/** The largest packet, in bytes. */
const mostBytes = 1500

/** What came of a flood. */
export interface FloodFigures {
  readonly rejected: number
  readonly honestSent: number
  readonly honestDelivered: number
  readonly inOrder: boolean
  /** Messages of the flood that were read, since the mutation had left them valid. */
  readonly taken: number
  readonly sourcesKept: number
  /** Whether the counts of the receiver add up. */
  readonly addsUp: boolean
  readonly growthBytes: number
  readonly unknownErrors: readonly string[]
}

const allowed = new Set([
  ...['RIVULET_BAD_FRAME', 'RIVULET_CORRUPT_FRAME', 'RIVULET_DECODE_FAILED', 'RIVULET_UNKNOWN_SCHEMA'],
  ...['RIVULET_INCOMPATIBLE_SCHEMA', 'RIVULET_INVALID_SCHEMA'],
])

let collect: (() => void) | undefined

function heapInUse(): number {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Floods a socket. */
export async function flood(
  scope: Scope,
  kind: 'random' | 'mutated',
  packets: number,
  seed: number,
  progress: (done: number) => void = () => {},
): Promise<FloodFigures> {
  const random = new Random(seed)
  const originals = validDatagrams()
  const receiver = await createDatagram({ schema: Reading, bind: 'udp://127.0.0.1:*' })
  const honest = await createDatagram({ schema: Reading, bind: 'udp://127.0.0.1:*', to: receiver.endpoint })
  const attacker = createSocket('udp4')
  scope.teardown(() => Promise.all([receiver.close({ drain: false }), honest.close({ drain: false })]))
  scope.teardown(() => attacker.close())
  const unknownErrors: string[] = []
  receiver.errors.subscribe(({ code, message }) => {
    if (!allowed.has(code)) unknownErrors.push(message)
  })
  let honestDelivered = 0
  let inOrder = true
  let taken = 0
  let arrived: () => void = () => {}
  receiver.deliveries.subscribe(({ from, sequence, lost }) => {
    if (from !== honest.endpoint) {
      taken += 1
      return
    }
    honestDelivered += 1
    inOrder &&= sequence === honestDelivered && lost === 0
    arrived()
  })
  const port = Number(receiver.endpoint.split(':').at(-1))
  let heapBytes = 0
  let honestSent = 0
  for (let sent = 0; sent < packets; ) {
    // what is made once, such as code, is made by then
    if (heapBytes === 0 && sent >= packets / 5) heapBytes = heapInUse()
    let left = Math.min(batch, packets - sent)
    sent += left
    await new Promise<void>((resolve) => {
      for (let count = left; count > 0; count--) {
        const bytes =
          kind === 'random'
            ? random.bytes(random.below(random.chance(0.1) ? mostBytes : 100))
            : mutateFrame(random, random.pick(originals), originals).subarray(0, mostBytes)
        attacker.send(bytes, port, '127.0.0.1', () => {
          left -= 1
          if (left === 0) resolve()
        })
      }
    })
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve
    })
    honestSent += 1
    await honest.send({ sensor: 'honest', celsius: honestSent })
    await arrival
    progress(sent)
  }
  const growthBytes = heapInUse() - heapBytes
  const { incoming, sources } = receiver.stats()
  const sum = incoming.delivered + total(incoming.dropped) + incoming.pending
  return {
    rejected: total(incoming.rejectedFrames),
    honestSent,
    honestDelivered,
    inOrder,
    taken,
    sourcesKept: sources.length,
    addsUp: sum === incoming.received,
    growthBytes,
    unknownErrors,
  }
}
