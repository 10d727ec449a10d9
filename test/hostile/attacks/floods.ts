/** Attacks by amounts: peers that agree on ZMTP, and then send too much. */
import type { Socket } from 'node:net'
import { flood, floods } from '../../support/floods.js'
import { rawPeer, zmtpCommand, zmtpFrame, zmtpMessage } from '../../support/raw-zmtp.js'
import { reset } from '../../support/reset.js'
import { type Attack, type AttackContext, below, noise } from '../attack.js'
import { bridgedPatterns } from '../bridge.js'
import { linked, patternNames, peerSockets, transportNames } from '../patterns.js'

/** Connections that flood at the same time. */
const flooders = 4

/** Opens a peer that the other side takes for one of its own. */
export async function agreedPeer({ scope, target, did }: AttackContext): Promise<Socket> {
  const socket = await rawPeer(scope, target.endpoint, peerSockets[target.pattern])
  did({ connections: 1 })
  return socket
}

/** Closes a connection so that the other side loses what it has not read. */
export function cutOff(socket: Socket, endpoint: string): void {
  if (endpoint.startsWith('tcp:')) reset(socket)
  else socket.destroy()
}

/** Frames until the mark is reached, and a reset. */
const floodAndReset: Attack = {
  name: 'flood-reset',
  patterns: patternNames,
  counted: [],
  stays: ['push'],
  known: {
    patterns: ['push'],
    transports: transportNames,
    complaint: /^honest peers kept/,
    why: 'a PUSH deals work to every peer that completes a handshake, and libzmq 4.3.5 does not see those leave that sent it messages (docs/contributing/decisions/untrusted-peers.md)',
  },
  async run(context) {
    const { target, scale, did } = context
    const units = Object.values(floods)
    const flooding = Array.from({ length: flooders }, async (_, index) => {
      const frames = 2000
      const bytes = Buffer.concat(Array(frames).fill(units[(index + target.part) % units.length]))
      const socket = await agreedPeer(context)
      did({ messages: frames * (await flood(socket, bytes, scale)) })
      cutOff(socket, target.endpoint)
    })
    await Promise.all(flooding)
  },
}

/** Messages that are large, and cut their connection, and messages of very many parts. */
const floodOfParts: Attack = {
  name: 'many-parts',
  patterns: patternNames,
  counted: [],
  stays: ['push'],
  async run(context) {
    const { target, scale, did } = context
    const large = await agreedPeer(context)
    // the head of a message of 2^62 bytes, and the first of them
    large.write(Buffer.concat([Buffer.from([2, 0x40, 0, 0, 0, 0, 0, 0, 0]), Buffer.alloc(10_000)]))
    const socket = await agreedPeer(context)
    const part = zmtpFrame(Buffer.alloc(100), { more: true })
    did({ messages: 1 + (await flood(socket, Buffer.concat(Array(500).fill(part)), scale)) })
    socket.write(zmtpFrame(Buffer.alloc(1)))
    cutOff(large, target.endpoint)
    cutOff(socket, target.endpoint)
  },
}

/** Frames that are larger than any that a peer may send, each on a connection of its own. */
const oversizedFrames: Attack = {
  name: 'oversized-frames',
  patterns: bridgedPatterns,
  counted: [],
  bridged: bridgedPatterns,
  async run(context) {
    const { target, scale, did } = context
    const bytes = linked.includes(target.pattern) ? 200_000 : 20_000_000
    for (let round = 0; round < scale; round++) {
      const socket = await agreedPeer(context)
      did({ messages: 1 })
      await new Promise<void>((resolve) => socket.write(zmtpMessage(Buffer.alloc(bytes)), () => resolve()))
      socket.end()
    }
  },
}

/** One message of parts without end. */
const endlessMessage: Attack = {
  name: 'endless-message',
  patterns: patternNames,
  counted: [],
  known: {
    patterns: patternNames,
    transports: transportNames,
    complaint: /^memory grew/,
    why: 'libzmq 4.3.5 counts messages for its marks, and not the parts of one that has not ended (docs/contributing/decisions/untrusted-peers.md)',
  },
  async run(context) {
    const socket = await agreedPeer(context)
    const parts = Buffer.concat(Array(1000).fill(zmtpFrame(Buffer.alloc(100), { more: true })))
    await flood(socket, parts, 1000 * context.scale)
    cutOff(socket, context.target.endpoint)
  },
}

/** Subscriptions to many prefixes, long ones, the same again and again, and in both forms of ZMTP 3.1. */
const subscriptionFlood: Attack = {
  name: 'subscription-flood',
  patterns: ['publisher'],
  bridged: ['publisher'],
  counted: [],
  loses: ['publisher'],
  async run(context) {
    const { random, scale, did } = context
    const prefix = () => noise(random, 8 + below(random, 16)).toString('hex')
    const message = (mark: number, text: string) => zmtpFrame(Buffer.concat([Buffer.of(mark), Buffer.from(text)]))
    const command = (text: string) => zmtpCommand('SUBSCRIBE', Buffer.from(text))
    const same = prefix()
    const kinds: [count: number, make: () => Buffer][] = [
      [500, () => message(1, prefix())],
      [500, () => command(prefix())],
      // at scale 1 all of them are less than a publisher takes by far
      [100, () => message(1, `${prefix()}${'x'.repeat(400)}`)],
      [500, () => Buffer.concat([message(1, same), message(0, same), message(0, prefix())])],
    ]
    const flooding = kinds.map(async ([count, make]) => {
      const socket = await agreedPeer(context)
      for (let round = 0; round < scale; round++) {
        const bytes = Buffer.concat(Array.from({ length: count }, make))
        did({ messages: count * (await flood(socket, bytes, 1)) })
      }
      socket.end()
    })
    const large = await agreedPeer(context)
    large.write(message(1, 'x'.repeat(5000)))
    await Promise.all(flooding)
  },
}

/** The attacks. */
export const floodAttacks: readonly Attack[] = [
  floodAndReset,
  floodOfParts,
  oversizedFrames,
  endlessMessage,
  subscriptionFlood,
]
