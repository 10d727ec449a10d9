/** A publisher that says over its links whatever a test tells it: frames, answers, schemas and histories of others, too. */
import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import * as zmq from 'zeromq'
import { reachableLinks, readLinks, writeFollow, writeLinks } from '../../patterns/pubsub/link-addresses.js'
import { maxTopicRequestBytes, TopicLinkSet } from '../../patterns/pubsub/topic-links.js'
import {
  type FollowPart,
  type FollowRequest,
  type HeadsPart,
  type ReplayPart,
  type SourcesChange,
  TopicsService,
} from '../../patterns/pubsub/topics-wire.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import { type CallHandler, CallHost, type CallStream, type ReadyItems, ReadySource } from '../../src/call/index.js'
import { systemClock } from '../../src/clock/index.js'
import type { KeyPair } from '../../src/index.js'
import type { Runtime } from '../../src/runtime/index.js'
import { frameKind, readRecordFrame, TopicAnswer, TopicRequest, writeRecordFrame } from '../../src/wire/index.js'
import { until } from '../support/events.js'

/** Items that are pushed by a test. */
class Pushed<T> extends ReadySource<T> implements ReadyItems<T> {
  readonly items: T[] = []
  isEnded = false
  #ready = () => {}

  push(item: T): void {
    this.items.push(item)
    this.#ready()
  }

  end(): void {
    this.isEnded = true
    this.#ready()
  }

  open(ready: () => void): this {
    this.#ready = ready
    return this
  }

  take(): T | undefined {
    return this.items.shift()
  }

  leave(): void {}
}

/** What it serves when it is asked. */
export interface Forgery {
  /** Whose messages it says to keep. */
  readonly kept?: readonly Buffer[]
  replay?(source: Buffer): ReplayPart
  heads?(source: Buffer): HeadsPart
  /** Where its own messages end, and whether it offers their history. Default: nowhere, and no. */
  readonly position?: number
}

/** Connects to a subscriber as a publisher does, and dials its links. */
export async function forgingPublisher(
  t: Test,
  { runtime }: { readonly runtime: Runtime },
  endpoint: string,
  keyPair: KeyPair,
  serverKey: string,
  forgery: Forgery = {},
) {
  const source = randomBytes(8)
  const socket = new zmq.XPublisher({
    linger: 0,
    curveServerKey: serverKey,
    curvePublicKey: keyPair.publicKey,
    curveSecretKey: keyPair.secretKey,
  })
  t.teardown(() => socket.close())
  socket.connect(endpoint)
  const parts = new Pushed<FollowPart>()
  const sources = new Pushed<SourcesChange>()
  const present = (kept: Buffer) => ({ present: [{ source: kept, position: 0 }], gone: [] })
  const requests: FollowRequest[] = []
  const asked: Buffer[] = []
  const handlers = new Map<string, CallHandler>([
    [
      'follow',
      (incoming) => {
        const stream = incoming as CallStream<FollowRequest>
        stream.attach({
          demand: Number.POSITIVE_INFINITY,
          next(request) {
            requests.push(request)
            for (const frame of request.requests ?? []) {
              asked.push(Buffer.from(frame))
              parts.push({ answers: [answerTo(Buffer.from(frame), source, forgery.position)] })
            }
          },
          complete() {},
        })
        stream.resume()
        parts.push({ server: source })
        return parts
      },
    ],
    [
      'sources',
      () => {
        for (const kept of forgery.kept ?? []) sources.push(present(kept))
        if (forgery.position !== undefined) sources.push(present(source))
        return sources
      },
    ],
    [
      'replay',
      (request) => {
        const replay = new Pushed()
        const part = forgery.replay?.(Buffer.from((request as { source: Uint8Array }).source))
        if (part) replay.push(part)
        replay.end()
        return replay
      },
    ],
    [
      'heads',
      (request) => {
        const heads = new Pushed()
        const part = forgery.heads?.(Buffer.from((request as { source: Uint8Array }).source))
        if (part) heads.push(part)
        heads.end()
        return heads
      },
    ],
    ['missed', () => undefined],
  ])
  const host = new CallHost(
    [{ codec: serviceOf(TopicsService), handlers }],
    { clock: systemClock, report() {} },
    { maxOpenCallsPerPeer: 100 },
  )
  const links = await TopicLinkSet.open(
    { bind: [], insecure: false, security: { keyPair, serverKey }, runtime, maxItemBytes: maxTopicRequestBytes },
    { adopt() {}, release() {}, report() {} },
    [host],
  )
  t.teardown(() => links.close({ drain: false }))
  const loop = async (): Promise<void> => {
    for await (const [frame] of socket) {
      if (frame === undefined || (frame[0] as number) <= 1) continue
      const { inbox, nonce, extensions } = readRecordFrame(TopicRequest, frame, frameKind.request, undefined)
      const connect = [{ address: endpoint, serverKeys: [serverKey] }]
      links.dial(reachableLinks(readLinks(extensions) ?? [], connect))
      const answer = { nonce, source, position: 0, time: new Date(), extensions: writeFollow([]) }
      await socket.send([inbox, writeRecordFrame(TopicAnswer, answer, frameKind.answer, inbox)])
    }
  }
  // closing ends it
  loop().catch(() => {})
  await until(() => requests.length > 0)
  return {
    source,
    /** What the subscriber has asked over the link. */
    requests,
    socket,
    links,
    say: (part: FollowPart) => parts.push(part),
    /** Says that it keeps the messages of a source. */
    keeps: (kept: Buffer) => sources.push(present(kept)),
    /** Answers the last request over the link, as another source. */
    answerAs: (other: Buffer) => parts.push({ answers: [answerTo(asked.at(-1) as Buffer, other)] }),
  }
}

function answerTo(frame: Buffer, source: Buffer, position?: number): Buffer {
  const { inbox, nonce } = readRecordFrame(TopicRequest, frame, frameKind.request, undefined)
  const extensions = position === undefined ? {} : writeLinks([])
  const answer = { nonce, source, position: position ?? 0, time: new Date(), extensions }
  return writeRecordFrame(TopicAnswer, answer, frameKind.answer, inbox)
}
