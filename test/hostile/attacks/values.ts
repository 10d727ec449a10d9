/** Attacks by values: schemas that cost much, calls that are refused, and values that must not be touched. */
import { createPublisher } from '../../../patterns/pubsub/index.js'
import { createPush } from '../../../patterns/queue/index.js'
import { createRpcClient } from '../../../patterns/rpc/index.js'
import { serviceOf } from '../../../src/avro/service-codec.js'
import { bindItem } from '../../rpc/hostile.js'
import { Job } from '../../support/job.js'
import { CallRecords, flags, kinds, type RawItem, requestBody } from '../../support/link-stranger.js'
import { zmtpMessage } from '../../support/raw-zmtp.js'
import { block, dataFrame, ints, schemaIdOf, sealed } from '../../support/stranger.js'
import type { Attack, AttackContext } from '../attack.js'
import { bindService, queueHead, queueRequest } from '../binding.js'
import { admitted } from '../bridge.js'
import { Keep, untouchableKinds } from '../keep.js'
import { linked, type PatternName, receiving } from '../patterns.js'
import { strangersQueue } from '../recording.js'
import { protocolBombs, schemaBombs } from '../schema-bombs.js'
import { connecting } from './callers.js'
import { agreedPeer } from './floods.js'

const untouchable = 'untouchable'

/** Protocols that cost much to read or to compare, announced to a server; each on a session of its own. */
async function bombLinks(context: AttackContext): Promise<void> {
  const { target, scale, random, did } = context
  for (const [name, text] of protocolBombs(target.pattern === 'rpc' ? serviceOf(Keep).name : 'rivulet.queue.Queue')) {
    const unique = `${text}${' '.repeat(1 + Math.floor(random() * 50 * scale))}`
    did({ connections: 1 })
    const stranger = await admitted(context)
    if (stranger === undefined) continue
    await stranger.items([bindItem(unique, 0, name)])
    const need = await stranger.answer(
      ({ kind, items }) =>
        kind === 7 || items.some((item) => item.kind === kinds.needText || item.kind === kinds.bound),
    )
    did({ messages: 1 })
    if (!need.items.some(({ kind }) => kind === kinds.needText)) continue
    for (let at = 0; at < unique.length; at += 16_384) {
      const record = {
        binding: 0,
        piece: unique.slice(at, at + 16_384),
        complete: at + 16_384 >= unique.length,
        extensions: {},
      }
      await stranger.items([{ stream: 0, kind: kinds.text, flags: 0, body: CallRecords.text.toBuffer(record) }])
      did({ messages: 1 })
    }
    await stranger.answer(({ kind, items }) => kind === 7 || items.some((item) => item.kind === kinds.bound))
  }
}

/** Messages whose writers have schemas that cost much, stored in a queue. */
async function bombQueue(context: AttackContext): Promise<void> {
  const { target, did } = context
  did({ connections: 1 })
  const stranger = await admitted(context)
  if (stranger === undefined) return
  await stranger.items([bindService('queue')])
  await stranger.item(kinds.bound)
  let stream = -1
  for (const [, schema] of schemaBombs()) {
    stream += 2
    const open = { open: { queue: strangersQueue, producer: `bomber ${stream} ${target.part}` }, batch: null }
    const bytes = {
      schemaId: schemaIdOf(schema),
      schema,
      lengths: [1],
      checks: Buffer.from('d202ef8d', 'hex'),
      bodies: Buffer.of(0),
    }
    const batch = { number: 1, sequence: 1, ...bytes, extras: [] }
    const items = [queueHead('produce'), queueRequest('produce', open), queueRequest('produce', { open: null, batch })]
    for (const [index, body] of items.entries()) {
      if (body.length > 60_000) continue
      await stranger.items([{ stream, kind: index === 0 ? kinds.request : kinds.item, flags: 0, body }])
      did({ messages: 1 })
    }
  }
}

/** Frames whose writers have schemas that cost much, each another. */
async function bombFrames(context: AttackContext): Promise<void> {
  const { target, scale, random, did } = context
  const socket = await agreedPeer(context)
  const topic = Buffer.from(target.pattern === 'subscriber' ? 'a.bomb.' : '')
  for (let round = 0; round < scale; round++) {
    for (const [, text] of schemaBombs()) {
      const schema = `${text}${' '.repeat(1 + Math.floor(random() * 1000))}`
      const frame = dataFrame({ schema, count: 1 }, block(ints(1)))
      const parts = topic.length > 0 ? [topic, sealed(frame.subarray(8), { topic })] : [frame]
      await new Promise<void>((resolve) => socket.write(zmtpMessage(...parts), () => resolve()))
      did({ messages: 1 })
    }
  }
  // the most expensive one for its length, very often
  const [, exploding] = schemaBombs().find(([name]) => name === 'exploding defaults') as [string, string]
  const flood = Array.from({ length: 10 * scale }, () => {
    const schema = `${exploding}${' '.repeat(1 + Math.floor(random() * 10_000))}`
    const frame = dataFrame({ schema, count: 1 }, block(ints(1)))
    return topic.length > 0 ? zmtpMessage(topic, sealed(frame.subarray(8), { topic })) : zmtpMessage(frame)
  })
  await new Promise<void>((resolve) => socket.write(Buffer.concat(flood), () => resolve()))
  did({ messages: flood.length })
  socket.end()
}

/** Patterns with links, without those that have the same machine of calls and no schemas of their users in it: bombs take long. */
const served: readonly PatternName[] = ['rpc', 'queue']

const schemaBombAttack: Attack = {
  name: 'schema-bombs',
  patterns: [...served, ...receiving],
  counted: receiving,
  bridged: [...served, ...receiving],
  async run(context) {
    if (receiving.includes(context.target.pattern)) await bombFrames(context)
    else await bombLinks(context)
    if (context.target.pattern === 'queue') await bombQueue(context)
  },
}

/** Calls of methods that are not there, many in each frame. */
const refusedCalls: Attack = {
  name: 'refused-calls',
  patterns: linked,
  counted: linked,
  bridged: linked,
  async run(context) {
    const { target, scale, did } = context
    did({ connections: 1 })
    const stranger = await admitted(context)
    if (stranger === undefined) return
    await stranger.items([bindService(target.pattern)])
    await stranger.item(kinds.bound)
    // their refusals are equal in every other frame: those take less memory where they wait
    const bodies = Array.from({ length: 1000 }, (_, at) => requestBody(9000 + at))
    let stream = 1
    for (let frame = 0; frame < 5 * scale; frame++) {
      const items = Array.from({ length: 1000 }, (_, at): RawItem => {
        return {
          stream: stream + at,
          kind: kinds.request,
          flags: flags.last,
          body: bodies[frame % 2 === 0 ? 0 : at] as Buffer,
        }
      })
      stream += items.length
      await stranger.items(items)
      did({ messages: 1 })
    }
    await stranger.item(kinds.failure)
  },
}

/** Calls and messages that make handlers return and throw what must not be touched. */
const untouchableValues: Attack = {
  name: 'untouchable-values',
  patterns: ['rpc', ...receiving],
  counted: ['rpc'],
  secured: 'too',
  async run(context) {
    const { target, scope, scale, did } = context
    const options = connecting(context)
    const all = Array.from({ length: untouchableKinds * scale }, (_, kind) => kind)
    did({ connections: 1 })
    if (target.pattern === 'rpc') {
      const client = await createRpcClient(Keep, options)
      scope.teardown(() => client.close())
      const calls = all.flatMap((kind) => [
        ...(['returned', 'thrown', 'rejected'] as const).map((how) => client.promises.touch({ kind, how })),
        (async () => {
          for await (const _ of client.touchItems({ kind }));
        })(),
      ])
      did({ messages: calls.length })
      await Promise.allSettled(calls)
      return
    }
    did({ messages: all.length })
    if (target.pattern === 'pull') {
      const push = await createPush({ ...options, schema: Job })
      scope.teardown(() => push.close())
      for (const id of all) await push.send({ id, note: untouchable })
      return
    }
    const publisher = await createPublisher(options)
    scope.teardown(() => publisher.close())
    await new Promise<void>((resolve) => {
      publisher.subscriptions.subscribe(({ prefix }) => prefix === 'a' && resolve())
    })
    const topic = publisher.topic('a.untouchable', Job)
    for (const id of all) await topic.send({ id, note: untouchable })
  },
}

/** The attacks. */
export const valueAttacks: readonly Attack[] = [schemaBombAttack, refusedCalls, untouchableValues]
