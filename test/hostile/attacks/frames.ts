/** Attacks by frames: what a good peer has sent, sent again by somebody else, as it was or changed. */
import { greeting, rawConnection, type SentPart, whenClosed, zmtpFrame, zmtpReady } from '../../support/raw-zmtp.js'
import { type Attack, type AttackContext, below, oneOf } from '../attack.js'
import { mutated, mutatedSession } from '../mutation.js'
import { linked, type PatternName, patternNames, peerSockets } from '../patterns.js'
import { recordingOf } from '../recording.js'
import { agreedPeer, cutOff } from './floods.js'

/** Patterns without a handshake of their own, which a recording could not prove again. */
const unlinked: readonly PatternName[] = ['pull', 'publisher', 'subscriber']

const framed = (parts: readonly SentPart[]) => Buffer.concat(parts.map(({ body, more }) => zmtpFrame(body, { more })))

/** Sends parts on a connection of their own, and leaves. */
async function sendParts(context: AttackContext, parts: readonly SentPart[]): Promise<void> {
  const socket = await agreedPeer(context)
  context.did({ messages: parts.filter(({ more }) => !more).length })
  if (context.random() < 0.3) {
    await new Promise<void>((resolve) => socket.write(framed(parts), () => resolve()))
    cutOff(socket, context.target.endpoint)
    return
  }
  socket.end(framed(parts))
  await whenClosed(socket)
}

const replayedFrames: Attack = {
  name: 'replayed-frames',
  patterns: [...linked, ...unlinked],
  counted: linked,
  bridged: unlinked,
  async run(context) {
    const { target, random, scale } = context
    const sessions = await recordingOf(target.pattern, target.recorded)
    for (let round = 0; round < scale; round++) {
      const parts = oneOf(random, sessions)
      await sendParts(context, parts)
      await sendParts(context, [...parts, ...parts])
      await sendParts(context, parts.slice(below(random, parts.length)))
    }
  },
}

const mutatedFrames: Attack = {
  name: 'mutated-frames',
  patterns: [...linked, ...unlinked],
  counted: [...linked, ...unlinked],
  bridged: unlinked,
  async run(context) {
    const { target, random, scale } = context
    const sessions = await recordingOf(target.pattern, target.recorded)
    for (let round = 0; round < 10 * scale; round++) {
      await sendParts(context, mutatedSession(oneOf(random, sessions), random))
    }
  },
}

/** The bytes of a whole connection with changes: of the greeting, of commands, of lengths and flags of frames. */
const mutatedBytes: Attack = {
  name: 'mutated-bytes',
  patterns: patternNames,
  counted: patternNames,
  async run({ target, random, scale, scope, did }) {
    const sessions = await recordingOf(target.pattern, target.recorded)
    const parts = sessions.length > 0 ? oneOf(random, sessions) : []
    const handshake = Buffer.concat([greeting, zmtpReady(peerSockets[target.pattern])])
    for (let round = 0; round < 6 * scale; round++) {
      const hasGoodHandshake = random() < 0.5
      const rest = framed(parts)
      const bytes = hasGoodHandshake
        ? Buffer.concat([handshake, mutated(rest, random)])
        : Buffer.concat([mutated(handshake, random), rest])
      const socket = rawConnection(scope, target.endpoint).resume()
      did({ connections: 1 })
      socket.end(bytes)
      await whenClosed(socket)
    }
  },
}

/** The attacks. */
export const frameAttacks: readonly Attack[] = [replayedFrames, mutatedFrames, mutatedBytes]
