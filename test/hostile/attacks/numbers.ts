/** Attacks by numbers: frames that are right in every other way, with numbers from a seed. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import avsc from 'avsc'
import { flags, kinds, LinkStranger, long, type RawItem, requestBody } from '../../support/link-stranger.js'
import { zmtpMessage } from '../../support/raw-zmtp.js'
import { block, type Claims, dataFrame, ints, sealed } from '../../support/stranger.js'
import { type Attack, type AttackContext, below, noise, oneOf } from '../attack.js'
import { bindService, openingOf } from '../binding.js'
import { admitted, bridgedPatterns, proofFor } from '../bridge.js'
import { linked, receiving } from '../patterns.js'
import { agreedPeer } from './floods.js'

const largest = Number.MAX_SAFE_INTEGER - 1

/** Numbers where something may go over. */
const numbers = [
  -largest,
  -(2 ** 31),
  -65_536,
  -1,
  0,
  1,
  2,
  63,
  64,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 48,
  largest,
]
const ints32 = numbers.filter((value) => Math.abs(value) < 2 ** 31)

const TopicRequest = avsc.Type.forSchema(JSON.parse(readFileSync('docs/protocol/topic-request.avsc', 'utf8')))

/** A frame of messages whose header claims what it likes. */
function forgedDataFrame(random: () => number, topic: Buffer): Buffer {
  const claims: Claims = {
    count: oneOf(random, ints32),
    position: oneOf(random, numbers),
    sequence: oneOf(random, numbers),
    previous: oneOf(random, numbers),
    source: Buffer.alloc(8, below(random, 4)),
  }
  const items = ints(...Array.from({ length: below(random, 5) }, () => below(random, 100)))
  const blocks: Buffer[] =
    random() < 0.5 ? [block(items, random() < 0.5)] : [long(oneOf(random, numbers)), long(oneOf(random, numbers))]
  const frame = dataFrame(claims, ...blocks)
  return topic.length > 0 ? sealed(frame.subarray(8), { topic }) : frame
}

/** A request of a subscriber. */
function forgedRequest(random: () => number): Buffer {
  const inbox = Buffer.concat([Buffer.of(below(random, 2)), noise(random, oneOf(random, [0, 1, 16, 63, 64, 200]))])
  const request = TopicRequest.toBuffer({ kind: 'ready', inbox, nonce: randomBytes(16), extensions: {} })
  return sealed(request, { kind: oneOf(random, [2, 2, 2, 1, 3, 60]), version: oneOf(random, [1, 1, 1, 0, 31]) })
}

/** Items of calls with forged streams, and credit. */
function forgedItem(random: () => number): RawItem {
  const stream = oneOf(random, numbers)
  const kind = oneOf(random, [...Object.values(kinds), 5, 7, 9, 15, 26, 60])
  const body = oneOf(random, [
    Buffer.alloc(0),
    long(oneOf(random, numbers)),
    requestBody(oneOf(random, [0, 1, -1, 9999])),
    noise(random, 20),
  ])
  return { stream, kind, flags: below(random, 8), body }
}

/** Frames of links with forged numbers, and hellos. */
async function forgeLink(context: AttackContext): Promise<void> {
  const { target, random, scope, scale, did } = context
  for (let round = 0; round < 4 * scale; round++) {
    const stranger = LinkStranger.open(scope, target.endpoint, proofFor(target))
    did({ connections: 1 })
    if (random() < 0.3) {
      const limits = { itemBytes: oneOf(random, numbers), windowBytes: oneOf(random, numbers) }
      await stranger.hello({
        connection: oneOf(random, ints32),
        resume: random() < 0.5,
        received: oneOf(random, numbers),
        limits: { ...limits, streamWindowBytes: oneOf(random, numbers), assemblyBytes: oneOf(random, numbers) },
      })
      did({ messages: 1 })
      continue
    }
    if ((await stranger.tryEnter()) !== undefined) continue
    await stranger.items([bindService(target.pattern)])
    for (let frame = 0; frame < 10; frame++) {
      const claims = {
        sequence: random() < 0.7 ? stranger.sequence + 1 : oneOf(random, numbers),
        acknowledged: random() < 0.7 ? stranger.received : oneOf(random, numbers),
        connection: random() < 0.9 ? stranger.connection : oneOf(random, ints32),
        time: oneOf(random, numbers),
      }
      await stranger.items(
        Array.from({ length: 1 + below(random, 5) }, () => forgedItem(random)),
        claims,
      )
    }
    did({ messages: 11 })
  }
}

/** Frames of messages with forged numbers, or requests of subscribers. */
async function forgeFrames(context: AttackContext): Promise<void> {
  const { target, random, scale, did } = context
  const socket = await agreedPeer(context)
  const messages = Array.from({ length: 40 * scale }, () => {
    if (target.pattern === 'publisher') return zmtpMessage(forgedRequest(random))
    if (target.pattern === 'pull') return zmtpMessage(forgedDataFrame(random, Buffer.alloc(0)))
    const topic = Buffer.from(oneOf(random, ['a.forged.', 'a.honest.', 'a.', '', 'a', '\0']))
    return zmtpMessage(topic, forgedDataFrame(random, topic))
  })
  did({ messages: messages.length })
  await new Promise<void>((resolve) => socket.write(Buffer.concat(messages), () => resolve()))
  socket.end()
}

const forgedNumbers: Attack = {
  name: 'forged-numbers',
  patterns: ['publisher', ...linked, ...receiving],
  counted: ['publisher', ...linked, ...receiving],
  bridged: bridgedPatterns,
  run: (context) => (linked.includes(context.target.pattern) ? forgeLink(context) : forgeFrames(context)),
}

/** Endless answers that are asked for, with as much credit as there is, by a peer that acknowledges nothing. */
const forgedCredit: Attack = {
  name: 'forged-credit',
  patterns: linked,
  counted: linked,
  bridged: linked,
  async run(context) {
    const { target, random, scale, did } = context
    for (let round = 0; round < 2 * scale; round++) {
      did({ connections: 1 })
      const stranger = await admitted(context)
      if (stranger === undefined) continue
      await stranger.items([bindService(target.pattern)])
      await stranger.item(kinds.bound)
      const acknowledged = stranger.received
      const opening = openingOf(target.pattern, `greedy ${random()}`).map((body, index, { length }): RawItem => {
        const flag = length === 1 ? flags.last : 0
        return { stream: 1, kind: index === 0 ? kinds.request : kinds.item, flags: flag, body }
      })
      await stranger.items(opening, { acknowledged })
      for (let times = 0; times < 20; times++) {
        const body = long(oneOf(random, numbers))
        const item = {
          stream: oneOf(random, [0, 1, 1, 1, 3]),
          kind: kinds.credit,
          flags: oneOf(random, [0, 0, 0, flags.last]),
          body,
        }
        await stranger.items([item], { acknowledged })
      }
      did({ messages: 22 })
    }
  },
}

/** The attacks. */
export const numberAttacks: readonly Attack[] = [forgedNumbers, forgedCredit]
