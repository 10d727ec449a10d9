/** A client of the history of a publisher that is none of Rivulet's subscribers: calls over raw links, frames by their header. */
import { TopicLinkSet } from '../../patterns/pubsub/topic-links.js'
import {
  type HeadsPart,
  type Range,
  type ReplayPart,
  type SourcesChange,
  TopicsService,
} from '../../patterns/pubsub/topics-wire.js'
import { codecOf } from '../../src/avro/codec.js'
import { isDeclaredError, type Schema } from '../../src/avro/index.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import { CallClient, type CallStream, defaultCallOptions, defaultStreamOptions } from '../../src/call/index.js'
import { systemClock } from '../../src/clock/index.js'
import type { Endpoint } from '../../src/discovery/index.js'
import type { Runtime } from '../../src/runtime/index.js'
import type { SecurityOptions } from '../../src/security/index.js'
import { openDataFrame } from '../../src/wire/index.js'
import { first } from '../support/events.js'
import { Reception } from '../support/reception.js'
import type { Scope } from '../support/scope.js'

/** How links are opened. */
export interface HistoryClientOptions {
  readonly runtime: Runtime
  /** Where it is bound, if it does not dial. */
  readonly bind?: string
  readonly security?: SecurityOptions
}

/** What was replayed. */
export interface Replayed<T> {
  readonly topic: string
  readonly position: number
  readonly sequence: number
  readonly isRetained: boolean
  readonly values: readonly T[]
}

/** Asks for history. */
export class HistoryClient {
  readonly links: TopicLinkSet
  readonly #calls: CallClient
  readonly #methods

  static async open(t: Scope, { runtime, bind, security }: HistoryClientOptions): Promise<HistoryClient> {
    const calls = new CallClient({ clock: systemClock, failoverMs: 1000, name: () => 'history', report: () => {} })
    const maker = { adopt() {}, release() {}, report() {} }
    const settings = { insecure: false, security, runtime, bind: bind ? [bind] : [], maxItemBytes: 16_777_216 }
    const links = await TopicLinkSet.open(settings, maker, [calls])
    t.teardown(() => links.close({ drain: false }))
    return new HistoryClient(links, calls)
  }

  private constructor(links: TopicLinkSet, calls: CallClient) {
    this.links = links
    this.#calls = calls
    this.#methods = calls.bind(serviceOf(TopicsService)).methods
  }

  dial(...endpoints: readonly Endpoint[]): void {
    this.links.dial(endpoints)
  }

  /** The first sources that the other side names. */
  sources(): Promise<SourcesChange> {
    return first(this.stream<SourcesChange>('sources', {}))
  }

  stream<T>(method: string, request: unknown): CallStream<T> {
    const found = this.#methods.get(method)
    if (found === undefined) throw new Error(`no method ${method}`)
    return this.#calls.stream(found, request, defaultStreamOptions).responses as CallStream<T>
  }

  async missed(source: Uint8Array, messages: number): Promise<void> {
    const found = this.#methods.get('missed')
    if (found !== undefined) await this.#calls.call(found, { source, messages }, defaultCallOptions)
  }

  async parts(source: Uint8Array, ranges: readonly Range[]): Promise<ReplayPart[]> {
    const parts: ReplayPart[] = []
    for await (const part of this.stream<ReplayPart>('replay', { source, ranges })) parts.push(part)
    return parts
  }

  /** Replays ranges and reads every message. */
  async replay<T>(
    source: Uint8Array,
    ranges: readonly Range[],
    schema: Schema<unknown, T>,
  ): Promise<{ readonly frames: Replayed<T>[]; readonly expired: NonNullable<ReplayPart['expired']> }> {
    const parts = await this.parts(source, ranges)
    return {
      frames: parts.flatMap(({ frames = [] }) => frames).map((frame) => read(frame, schema)),
      expired: parts.flatMap(({ expired = [] }) => expired),
    }
  }

  async heads(source: Uint8Array, patterns: readonly string[], after = 0): Promise<NonNullable<HeadsPart['heads']>> {
    const heads: NonNullable<HeadsPart['heads']>[number][] = []
    for await (const part of this.stream<HeadsPart>('heads', { source, patterns, after }))
      heads.push(...(part.heads ?? []))
    return heads
  }
}

/** The code with which a call of the service was refused. */
export async function refusalOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call
    return undefined
  } catch (error) {
    for (const method of ['replay', 'heads'] as const) {
      if (isDeclaredError(TopicsService, method, error)) return (error.value as { code: string }).code
    }
    return (error as { code?: string }).code ?? String(error)
  }
}

function read<T>({ topic, frame }: { topic: string; frame: Uint8Array }, schema: Schema<unknown, T>): Replayed<T> {
  const part = Buffer.from(`${topic}.`)
  const bytes = Buffer.from(frame)
  const { header } = openDataFrame(bytes, part, 16_777_216)
  const reception = new Reception(schema)
  reception.receiver.know(header.schemaId as Buffer, codecOf(schema as Schema).text)
  reception.receive(bytes, part)
  const { position, sequence, extensions } = header
  return { topic, position, sequence, isRetained: 'retain' in extensions, values: reception.values }
}
