/**
 * Plain ZeroMQ sockets that meet publishers and subscribers, and the frames that they send: right ones and others.
 */

import type { Test } from 'tap'
import * as zmq from 'zeromq'
import { topicPart } from '../../patterns/pubsub/topic-name.js'
import { codecOf } from '../../src/avro/codec.js'
import type { Schema } from '../../src/avro/index.js'
import { systemClock } from '../../src/clock/index.js'
import {
  BatchWriter,
  frameKind,
  Origin,
  readRecordFrame,
  TopicAnswer,
  TopicRequest,
  writeRecordFrame,
} from '../../src/wire/index.js'

/** The frames of one topic of one publisher, as a publisher writes them. */
export class FrameSource<In> {
  readonly topic: Buffer
  readonly origin: Origin
  readonly #writer: BatchWriter<In>
  #frames: Buffer[] = []

  /**
   * @param topic - A name, or any bytes in its place.
   */
  constructor(topic: string | Buffer, schema: Schema<In>, origin = new Origin(systemClock, 1_000_000)) {
    this.topic = typeof topic === 'string' ? topicPart(topic) : topic
    this.origin = origin
    this.#writer = new BatchWriter<In>({
      codec: codecOf(schema) as never,
      origin,
      topic: this.topic,
      frameBytes: 65_536,
      maxBatchMessages: 65_536,
      maxMessageBytes: 1_048_576,
      spread: () => 1,
      cut: ({ bytes }) => this.#frames.push(bytes),
    })
  }

  /** One frame with these messages; the first that a source makes carries the schema, the others do not. */
  frame(...values: readonly In[]): Buffer[] {
    for (const value of values) this.#writer.append(value)
    this.#writer.flush()
    const [bytes] = this.#frames.splice(0)
    return [this.topic, bytes as Buffer]
  }

  /** One frame without messages, with the schema. */
  beacon(): Buffer[] {
    this.#writer.introduce(1)
    const [bytes] = this.#frames.splice(0)
    return [this.topic, bytes as Buffer]
  }
}

/** An XPUB socket that nobody taught anything. */
export async function rawPublisher(t: Test, side: { connect: string } | { bind: string }) {
  const socket = new zmq.XPublisher({ linger: 0, sendTimeout: 5000 })
  t.teardown(() => socket.close())
  if ('bind' in side) await socket.bind(side.bind)
  else socket.connect(side.connect)
  const upstream = async (): Promise<Buffer> => (await socket.receive())[0] as Buffer
  const request = async (): Promise<TopicRequest> => {
    for (;;) {
      const frame = await upstream()
      if ((frame[0] as number) > 1) return readRecordFrame(TopicRequest, frame, frameKind.request, undefined)
    }
  }
  const answer = async ({ inbox, nonce }: TopicRequest, { source, position }: Origin): Promise<void> => {
    const record = { nonce, source, position, time: new Date() }
    await socket.send([inbox, writeRecordFrame(TopicAnswer, record, frameKind.answer, inbox)])
  }
  return {
    socket,
    endpoint: socket.lastEndpoint ?? '',
    send: (parts: Buffer[]) => socket.send(parts),
    /** Resolves when these bytes are subscribed. */
    async subscribed(prefix: string): Promise<void> {
      for (;;) {
        const frame = await upstream()
        if (frame[0] === 1 && frame.subarray(1).toString() === prefix) return
      }
    },
    /** The next request for readiness. */
    request,
    /** Answers a request as a publisher does. */
    answer,
    /** Answers all requests to come; nothing else may be read from now on. */
    answerAll(origin: Origin): void {
      const loop = async (): Promise<void> => {
        while (!socket.closed) await answer(await request(), origin)
      }
      // closing ends it
      loop().catch(() => {})
    },
  }
}

/** An XSUB socket that nobody taught anything. */
export function rawSubscriber(t: Test, endpoint: string) {
  const socket = new zmq.XSubscriber({ linger: 0, sendTimeout: 5000, sendHighWaterMark: 0 })
  t.teardown(() => socket.close())
  socket.connect(endpoint)
  return {
    socket,
    send: (bytes: Uint8Array) => socket.send(Buffer.from(bytes)),
    subscribe: (prefix: string) => socket.send(Buffer.concat([Buffer.of(1), Buffer.from(prefix)])),
    unsubscribe: (prefix: string) => socket.send(Buffer.concat([Buffer.of(0), Buffer.from(prefix)])),
    request: (inbox: Buffer, nonce: Buffer = Buffer.alloc(16)) =>
      socket.send(writeRecordFrame(TopicRequest, { kind: 'ready', inbox, nonce }, frameKind.request, undefined)),
  }
}
