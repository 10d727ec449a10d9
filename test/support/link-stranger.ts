/**
 * A stranger at a server of links: a plain DEALER that writes frames with avsc and the documents alone, right or wrong.
 *
 * Nothing of `src/wire` and `src/session` is used here, so that an error there cannot hide itself.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import avsc from 'avsc'
import * as zmq from 'zeromq'
import type { Scope } from './scope.js'
import { block, sealed } from './stranger.js'

const typeOf = (name: string): avsc.Type =>
  avsc.Type.forSchema(JSON.parse(readFileSync(`docs/protocol/${name}.avsc`, 'utf8')), { registry: {} })

const [Hello, Welcome, Refusal, LinkHeader, ItemRecord] = ['hello', 'welcome', 'refusal', 'link-header', 'item'].map(
  typeOf,
) as [avsc.Type, avsc.Type, avsc.Type, avsc.Type, avsc.Type]

/** Records of calls, for bodies of items. */
export const CallRecords = {
  bind: typeOf('call-bind'),
  text: typeOf('call-text'),
  request: typeOf('call-request'),
  failure: typeOf('call-failure'),
  refusal: typeOf('call-refusal'),
  bound: typeOf('call-bound'),
}

/** Kinds of frames. */
export const frameKinds = { link: 4, hello: 5, welcome: 6, refusal: 7, challenge: 8 } as const

/** Kinds of items. */
export const kinds = {
  credit: 1,
  drain: 2,
  goodbye: 3,
  cancel: 8,
  bind: 16,
  needText: 17,
  text: 18,
  refusal: 19,
  bound: 20,
  request: 21,
  item: 22,
  end: 23,
  error: 24,
  failure: 25,
} as const

/** Flags of items. */
export const flags = { more: 1, last: 2, critical: 4 } as const

/** An item, as the documents have it. */
export interface RawItem {
  stream: number
  kind: number
  flags: number
  body: Buffer
}

/** What a stranger says about a link frame. */
export interface LinkClaims {
  connection?: number
  sequence?: number
  acknowledged?: number
  time?: number
}

/** What a stranger may say in a hello. */
export interface HelloClaims {
  minVersion?: number
  maxVersion?: number
  capabilities?: string[]
  session?: Buffer
  connection?: number
  resume?: boolean
  received?: number
  limits?: { itemBytes: number; windowBytes: number; streamWindowBytes: number; assemblyBytes: number }
}

/** Answers the challenge of a server with security by a frame, as somebody whom it admits. */
export type Prove = (
  hello: { readonly session: Buffer; readonly connection: number; readonly resume: boolean },
  challenge: Buffer,
) => Buffer

/** A frame that came, decoded. */
export interface Answer {
  readonly kind: number
  /** Of a refusal. */
  readonly reason?: string
  /** Of a welcome. */
  readonly resumed?: boolean
  readonly received?: number
  /** Of a link frame. */
  readonly header?: { readonly sequence: number; readonly acknowledged: number }
  readonly items: readonly RawItem[]
}

const defaultLimits = {
  itemBytes: 16_777_216,
  windowBytes: 262_144,
  streamWindowBytes: 131_072,
  assemblyBytes: 67_108_864,
}

/** The body of an item that is a long. */
export const long = (value: number): Buffer => avsc.Type.forSchema('long').toBuffer(value)

/** A link frame with these items. */
export function linkFrame(claims: LinkClaims, ...items: readonly RawItem[]): Buffer {
  const header = { connection: 1, sequence: 1, acknowledged: 0, time: 0, extensions: {}, ...claims }
  const blocks = items.length > 0 ? [block(items.map((item) => ItemRecord.toBuffer(item)))] : []
  return sealed(Buffer.concat([LinkHeader.toBuffer(header), ...blocks, Buffer.of(0)]), { kind: frameKinds.link })
}

/** One connection. */
export class LinkStranger {
  readonly session = randomBytes(16)
  /** Everything that came and was not looked at. */
  readonly answers: Answer[] = []
  connection = 0
  sequence = 0
  /** The number of the last frame that came. */
  received = 0
  /** Called when something has come. */
  #wake = () => {}
  readonly #prove: Prove | undefined
  readonly #socket = new zmq.Dealer({ linger: 0, sendHighWaterMark: 0, receiveHighWaterMark: 0 })
  /** Whether its last hello asked for the session that was there before. */
  #resume = false

  private constructor(prove: Prove | undefined) {
    this.#prove = prove
  }

  /** Connects; it is closed with the test. */
  static open(t: Scope, endpoint: string, prove?: Prove): LinkStranger {
    const stranger = new LinkStranger(prove)
    stranger.#socket.connect(endpoint)
    t.teardown(() => stranger.close())
    void stranger.#read()
    return stranger
  }

  close(): void {
    if (!this.#socket.closed) this.#socket.close()
  }

  /** Sends bytes, or several parts, as they are. */
  async send(...parts: Buffer[]): Promise<void> {
    await this.#socket.send(parts)
  }

  /** Says hello. */
  async hello(claims: HelloClaims = {}): Promise<void> {
    this.connection = claims.connection ?? this.connection + 1
    this.#resume = claims.resume ?? false
    const hello = {
      minVersion: 1,
      maxVersion: 1,
      capabilities: this.#prove ? ['proof'] : [],
      session: this.session,
      resume: false,
      received: 0,
      limits: defaultLimits,
      extensions: {},
      ...claims,
      connection: this.connection,
    }
    await this.send(sealed(Hello.toBuffer(hello), { kind: frameKinds.hello }))
  }

  /** Says hello and waits until it is welcome; returns the reason if it is refused. */
  async tryEnter(claims: HelloClaims = {}): Promise<string | undefined> {
    await this.hello(claims)
    const { reason } = await this.answer(({ kind }) => kind === frameKinds.welcome || kind === frameKinds.refusal)
    return reason
  }

  /** Says hello and waits until it is welcome. */
  async enter(claims: HelloClaims = {}): Promise<this> {
    const reason = await this.tryEnter(claims)
    if (reason !== undefined) throw new Error(`the stranger was refused: ${reason}`)
    return this
  }

  /** Sends items in the next frame; what is claimed replaces what would be right. */
  async items(items: readonly RawItem[], claims: LinkClaims = {}): Promise<void> {
    this.sequence += 1
    const right = { connection: this.connection, sequence: this.sequence, acknowledged: this.received }
    await this.send(linkFrame({ ...right, ...claims }, ...items))
  }

  /** The next frame of this form; those before it are dropped. */
  async answer(fits: (answer: Answer) => boolean): Promise<Answer> {
    for (;;) {
      const answer = this.answers.shift()
      if (answer !== undefined && fits(answer)) return answer
      if (answer === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }

  /** Resolves with the reason when it is refused. */
  async refused(): Promise<string> {
    const { reason } = await this.answer(({ kind }) => kind === frameKinds.refusal)
    return reason as string
  }

  /** The next item of this kind. */
  async item(kind: number): Promise<RawItem> {
    const answer = await this.answer(({ items }) => items.some((item) => item.kind === kind))
    return answer.items.find((item) => item.kind === kind) as RawItem
  }

  async #read(): Promise<void> {
    for await (const [frame] of this.#socket) {
      const kind = (frame?.[3] ?? 0) >> 1
      const rest = (frame as Buffer).subarray(8)
      if (kind === frameKinds.welcome) this.answers.push({ kind, items: [], ...Welcome.fromBuffer(rest) })
      else if (kind === frameKinds.refusal) this.answers.push({ kind, items: [], ...Refusal.fromBuffer(rest) })
      else if (kind === frameKinds.challenge) await this.#answerChallenge(frame as Buffer)
      else this.#link(rest)
      this.#wake()
    }
  }

  async #answerChallenge(challenge: Buffer): Promise<void> {
    const { session, connection } = this
    if (this.#prove) await this.send(this.#prove({ session, connection, resume: this.#resume }, challenge))
  }

  #link(rest: Buffer): void {
    const { value: header, offset } = LinkHeader.decode(rest)
    const items = avsc.Type.forSchema({ type: 'array', items: ItemRecord as never }).fromBuffer(rest.subarray(offset))
    if (items.length > 0) this.received = header.sequence
    this.answers.push({ kind: frameKinds.link, header, items })
  }
}

/** The head of a request, and what follows it. */
export function requestBody(method: number, request: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([CallRecords.request.toBuffer({ method, deadline: 0, headers: {}, extensions: {} }), request])
}
