/** Attacks by connections alone: nobody that makes them ever agrees on ZMTP 3. */
import type { Socket } from 'node:net'
import { openings } from '../../support/openings.js'
import { greeting, rawConnection, whenClosed, zmtpReady } from '../../support/raw-zmtp.js'
import { reset } from '../../support/reset.js'
import { type Attack, type AttackContext, below, noise } from '../attack.js'
import { patternNames, peerSockets } from '../patterns.js'

/** Connections that are open at the same time; the system queues about so many for one listener. */
const atOnce = 50

/** Does something for each number, so many at the same time. */
export async function each(count: number, action: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await action(next++)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, lane))
}

/** Opens a connection that will be refused. */
export function open({ scope, target, did }: AttackContext): Socket {
  did({ connections: 1 })
  const socket = rawConnection(scope, target.endpoint).resume()
  // a listener whose queue is full makes the system of this side fail: the other side never hears of that one
  socket.once('connect', () => did({ refused: 1 }))
  // the other side has refused it before this process looked at it
  socket.once('error', ({ code, syscall }: NodeJS.ErrnoException) => {
    if (code === 'ECONNRESET' && syscall === 'connect') did({ refused: 1 })
  })
  return socket
}

/** Says bytes and waits until the other side has closed. */
export async function sayAndWait(context: AttackContext, bytes: Buffer): Promise<void> {
  const socket = open(context)
  socket.write(bytes)
  await whenClosed(socket)
}

const randomBytes: Attack = {
  name: 'random-bytes',
  patterns: patternNames,
  counted: [],
  run: (context) =>
    each(8 * context.scale, () => sayAndWait(context, noise(context.random, 1 + below(context.random, 2000)))),
}

/** Each length of the greeting and the READY of a peer, and then silence. */
const halfHandshakes: Attack = {
  name: 'half-handshakes',
  patterns: patternNames,
  counted: [],
  async run(context) {
    const { pattern, part, parts } = context.target
    const handshake = Buffer.concat([greeting, zmtpReady(peerSockets[pattern])])
    const lengths = [...handshake.keys()].filter((length) => length % parts === part)
    await Promise.all(lengths.map((length) => sayAndWait(context, handshake.subarray(0, length))))
  },
}

const oldGreetings: Attack = {
  name: 'old-greetings',
  patterns: patternNames,
  counted: [],
  run: (context) => {
    const all = Object.values(openings)
    return each(all.length * context.scale, (index) => sayAndWait(context, all[index % all.length] as Buffer))
  },
}

/** Connections that are closed at once: without a word, with a reset, or behind a greeting. */
const openClose: Attack = {
  name: 'open-close',
  patterns: patternNames,
  counted: [],
  run: (context) =>
    each(30 * context.scale, async (index) => {
      const socket = open(context)
      await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
      if (index % 3 === 0) socket.end()
      else if (index % 3 === 1 && context.target.endpoint.startsWith('tcp:')) reset(socket)
      else {
        socket.write(greeting)
        socket.destroySoon()
      }
      await whenClosed(socket)
    }),
}

/** Half a handshake on very many connections at the same time, held until the victim ends them: 5,120 at scale 4. */
const heldHandshakes: Attack = {
  name: 'handshakes-held',
  patterns: patternNames,
  counted: [],
  async run(context) {
    const count = 80 * context.scale ** 3
    const sockets = Array.from({ length: count }, () => {
      const socket = open(context)
      socket.write(greeting.subarray(0, 1 + below(context.random, greeting.length)))
      return socket
    })
    await Promise.all(sockets.map(whenClosed))
  },
}

/** Connections one after the other, each closed behind its greeting: 10,240 at scale 4. */
const oneByOne: Attack = {
  name: 'one-by-one',
  patterns: patternNames,
  counted: [],
  async run(context) {
    for (let made = 0; made < 160 * context.scale ** 3; made++) {
      const socket = open(context)
      socket.end(greeting)
      await whenClosed(socket)
    }
  },
}

/** More connections than the victim may have descriptors, all held until their handshake is late, and again. */
const heldDescriptors: Attack = {
  name: 'descriptors-held',
  patterns: patternNames,
  counted: [],
  known: {
    patterns: patternNames,
    transports: ['ipc'],
    complaint:
      /ipc_listener\.cpp|^honest peers kept|^work ended|^99 of 100|^(pull|publisher|subscriber): messages \d+ to \d+ are missing$/,
    why: 'libzmq 4.3.5 aborts a process whose last descriptors an ipc listener takes before the event loop turns, and the listener that is taken away before has its clients with it, and what was on its way to or from them one way; with a limit of 4,200 it cannot abort (docs/contributing/decisions/untrusted-peers.md)',
  },
  descriptors: 256,
  async run({ scope, target, did, scale }) {
    const sockets = Array.from({ length: 300 * scale }, () => rawConnection(scope, target.endpoint).resume())
    did({ connections: sockets.length })
    await Promise.race(sockets.map(whenClosed))
  },
}

/** The attacks. */
export const connectionAttacks: readonly Attack[] = [
  randomBytes,
  halfHandshakes,
  oldGreetings,
  openClose,
  heldHandshakes,
  oneByOne,
  heldDescriptors,
].map((attack) => ({ ...attack, secured: 'too' }))
