/**
 * The hub: takes the messages of any number of publishers, and forwards them to any number of subscribers.
 *
 * To publishers it is a subscriber, to subscribers a publisher; frames pass as they are, and no message is decoded.
 */
import { randomBytes } from 'node:crypto'
import { merge, type Observable } from 'rxjs'
import { RivuletError } from '../../src/errors/index.js'
import { type Closable, deferred } from '../../src/lifecycle/index.js'
import { publishDrop, Tally } from '../../src/observe/index.js'
import { defaults } from '../../src/options/index.js'
import { ResourceBase } from '../../src/resource/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import { frameKind, TopicAnswer, type TopicRequest, writeRecordFrame } from '../../src/wire/index.js'
import { type HubAnswer, HubAnswers } from './hub-answers.js'
import type { Hub, HubSide, HubStats } from './hub-api.js'
import { HubHistory } from './hub-history.js'
import { HubIntake } from './hub-intake.js'
import { HubInterest } from './hub-interest.js'
import { HubIntroductions } from './hub-introductions.js'
import { HubLoops } from './hub-loops.js'
import { type HubOptions, type ResolvedHubOptions, resolveHubOptions } from './hub-options.js'
import { HubSocket, HubTransport } from './hub-transport.js'
import { HubUpstream } from './hub-upstream.js'
import { hubExtension, pathOf, TopicHub } from './hub-wire.js'
import { SubscriberSide } from './subscriber-side.js'
import { inboxMark } from './topic-name.js'
import { linksExtension } from './topics-wire.js'

/** What answers may add to a full outbox, in bytes; who gets none asks again. */
const maxAnswerBytes = 262_144

/** Nobody has this inbox: what is only to pass through hubs is not answered. */
const noInbox = Buffer.of(inboxMark)

/**
 * Opens a hub.
 *
 * Resolves when its sockets are open, whether or not a publisher or a subscriber is there.
 *
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED
 */
export async function createHub(options: HubOptions): Promise<Hub> {
  return HubResource.create(resolveHubOptions(options))
}

class HubResource extends ResourceBase<HubStats> implements Hub {
  readonly #id = randomBytes(8)
  readonly #options: ResolvedHubOptions
  readonly #above: readonly HubUpstream[]
  readonly #below: HubSocket
  readonly #transport: HubTransport
  readonly #side: SubscriberSide
  readonly #interest = new HubInterest()
  readonly #inboxes = new HubInterest()
  readonly #answers: HubAnswers
  readonly #introductions: HubIntroductions
  readonly #loops: HubLoops
  readonly #history: HubHistory | undefined
  readonly #intake: HubIntake
  readonly #dropped = new Tally()
  #isFull = false

  static create(options: ResolvedHubOptions): Promise<HubResource> {
    return new HubResource(options).#start()
  }

  private constructor(options: ResolvedHubOptions) {
    super('createHub', options)
    this.#options = options
    const { clock } = this.runtime
    const { subscribers } = options
    const report = (error: RivuletError) => this.reports.report(error)
    this.#intake = new HubIntake(options.publishers.maxMessageBytes, this.reports)
    this.#side = new SubscriberSide(subscribers, {
      runtime: this.runtime,
      name: () => this.name,
      report,
      socket: () => this.#below.current,
      isShut: () => this.#below.sockets.isShut,
      renew: () => this.#below.renew(),
      subscription: (subscribed, prefix) => this.#onSubscription(subscribed, prefix),
      reset: () => this.#onReset(),
      request: (request) => this.#onRequest(request),
    })
    this.#below = new HubSocket(this.scope, subscribers, this.#side.settings, {
      onFrame: (parts) => this.#side.onFrame(parts),
      onLost: (messages) => this.#lost('transport', messages),
    })
    this.#above = this.#upstreams()
    this.#transport = new HubTransport(
      this.#above.map(({ socket }) => socket),
      this.#below,
    )
    this.transport = this.#transport
    this.#history =
      options.history &&
      new HubHistory(options.history, {
        runtime: this.runtime,
        socket: subscribers,
        endpoints: () => this.subscribers.endpoints,
        connect: () => this.#below.sockets.connect,
        adopt() {},
        release() {},
        report,
      })
    this.#answers = new HubAnswers({
      clock,
      links: () => this.#above,
      answer: (answer) => this.#answer(answer),
      kept: () => this.#history?.kept() ?? [],
    })
    this.#introductions = new HubIntroductions({
      clock,
      announceMs: defaults.announceMs,
      send: (part, frame) => this.#forward(part, frame, 0),
    })
    this.#loops = new HubLoops(this.#id, {
      clock,
      pass: (path) => {
        for (const link of this.#above) link.request(randomBytes(16), noInbox, path)
      },
      cutAbove: (link) => this.#cutAbove(link),
      cutBelow: () => this.#cutBelow(),
      report: (error) => report(new RivuletError(error.code, `${this.name}: ${error.message}`)),
    })
  }

  async #start(): Promise<this> {
    await this.open()
    this.#below.links.changes.subscribe(({ connected }) => {
      if (connected > 0) return
      this.#side.noSubscriber()
      this.#history?.noSubscriber()
    })
    // the caller observes `errors` by then: a ring is found with the first request
    setImmediate(() => {
      if (!this.life.isOpen) return
      this.#below.current.reading = true
      for (const link of this.#above) link.reading = true
    })
    return this
  }

  protected override async openTransport(): Promise<void> {
    try {
      await this.#history?.openLogs()
      // subscribers first: what publishers send may be forwarded from the start
      await this.#below.open()
      await this.#history?.openLinks()
      for (const link of this.#above) await link.open()
      // what its runtime has closed meanwhile has not closed these
      if (this.status !== 'opening') throw new RivuletError('RIVULET_CLOSED', `${this.name}: the runtime was closed`)
    } catch (error) {
      await this.#history?.close(0)
      throw error
    }
  }

  get publishers(): HubSide {
    return this.#transport.publishers
  }

  get subscribers(): HubSide {
    return this.#transport.subscribers
  }

  override get securityEvents(): Observable<SecurityEvent> {
    const history = this.#options.subscribers.security && this.#history
    return history ? merge(super.securityEvents, history.securityEvents) : super.securityEvents
  }

  stats(): HubStats {
    const { sent, messages, bytes } = this.#below.current.outbox
    const dropped = new Tally()
    for (const [reason, count] of Object.entries(this.#dropped.snapshot())) dropped.add(reason, count)
    if (this.#intake.duplicates > 0) dropped.add('duplicate', this.#intake.duplicates)
    return Object.freeze({
      received: this.#intake.received,
      forwarded: sent,
      pending: messages,
      pendingBytes: bytes,
      dropped: dropped.snapshot(),
      publishers: Object.freeze({ prefixes: this.#interest.size, rejectedFrames: this.#intake.rejectedFrames }),
      subscribers: Object.freeze({
        rejectedFrames: this.#side.rejectedFrames,
        subscriptionResets: this.#side.resets,
      }),
      history: this.#history?.stats(),
    })
  }

  protected get isSender(): boolean {
    return true
  }

  protected override get isReceiver(): boolean {
    return true
  }

  protected override uses(other: Closable): boolean {
    if (!(other instanceof HubResource)) return super.uses(other)
    return this.#transport.sendsTo(other.#transport, this.runtime === other.runtime)
  }

  /** What publishers have handed over still arrives until their links are down. */
  protected override whenUsersClosed(users: readonly Closable[]): (deadline: number) => Promise<void> {
    let left = users.filter((one) => one instanceof ResourceBase && one.connected > 0).length
    const { promise, resolve } = deferred()
    if (left === 0) resolve()
    const subscriptions = this.#above.map(({ socket }) =>
      socket.links.changes.subscribe(({ state }) => {
        if (state === 'disconnected') left -= 1
        if (left <= 0) resolve()
      }),
    )
    const quiet = () => Promise.all(this.#live().map(({ socket }) => socket.current.whenQuiet()))
    return async (deadline) => {
      await this.waitUntil(deadline, promise.then(quiet))
      for (const subscription of subscriptions) subscription.unsubscribe()
    }
  }

  #upstreams(): HubUpstream[] {
    const ports = {
      scope: this.scope,
      hub: this.#id,
      inbox: Buffer.concat([noInbox, randomBytes(16)]),
      options: this.#options.publishers,
      data: (topic: Buffer, frame: Buffer) => this.#onData(topic, frame),
      rejected: (error: RivuletError) => this.#intake.reject(error),
      served: (...answer: Parameters<HubAnswers['served']>) => this.#answers.served(...answer),
      linked: () => this.#loops.linked(),
    }
    const { bind, connect } = this.#options.publishers
    const bound = bind.length > 0 ? [new HubUpstream(0, { bind, connect: [] }, ports)] : []
    // an observable is one: its endpoints come and go together
    const lists = Array.isArray(connect) ? connect.map((endpoint) => [endpoint]) : [connect]
    return [...bound, ...lists.map((list, at) => new HubUpstream(at + 1, { bind: [], connect: list }, ports))]
  }

  #live(): HubUpstream[] {
    return this.#above.filter(({ isCut }) => !isCut)
  }

  #onSubscription(subscribed: boolean, prefix: Buffer): void {
    if (prefix[0] === inboxMark) {
      if (this.#inboxes.change(subscribed, prefix) === 'unwanted') this.#answers.left(prefix)
      return
    }
    const change = this.#interest.change(subscribed, prefix)
    if (change !== undefined) for (const link of this.#above) link.subscribe(subscribed, prefix)
    if (subscribed) this.#introductions.subscribed(prefix)
  }

  #onReset(): void {
    this.#inboxes.clear()
    this.#answers.clear()
    for (const prefix of this.#interest.clear()) for (const link of this.#above) link.subscribe(false, prefix)
  }

  #onRequest(request: TopicRequest): void {
    try {
      const path = pathOf(request)
      if (path.length > 0) this.#loops.take(path)
    } catch (error) {
      this.#side.reject(error as RivuletError)
      return
    }
    this.#history?.requested(request.extensions)
    if (this.#inboxes.has(request.inbox)) this.#answers.requested(request.inbox, request.nonce)
  }

  #answer({ inbox, nonce, source, position, role, links }: HubAnswer): void {
    const { outbox } = this.#below.current
    if (outbox.bytes >= outbox.limitBytes + maxAnswerBytes) return
    const answer = {
      nonce,
      source: source === undefined ? this.#id : Buffer.from(source, 'hex'),
      position,
      time: new Date(this.runtime.clock.wallNow()),
      extensions: {
        [hubExtension]: TopicHub.encode({ role }),
        ...(this.#history?.extension ?? (links && { [linksExtension]: links })),
      },
    }
    this.#forward(inbox, writeRecordFrame(TopicAnswer, answer, frameKind.answer, inbox), 0)
  }

  #onData(topic: Buffer, bytes: Buffer): void {
    const taken = this.#intake.open(topic, bytes)
    if (taken === undefined) return
    const { frame, key, schemaText } = taken
    if (schemaText !== undefined) this.#introductions.forwarded(key, frame, schemaText)
    this.#history?.keep(topic, frame, schemaText)
    this.#forward(topic, bytes, frame.header.count)
    if (!this.#isFull && (this.#below.current.outbox.isFull() || this.#history?.isFull)) void this.#pause()
  }

  #forward(topic: Buffer, frame: Buffer, messages: number): void {
    // a read that was pending when the sockets were closed may bring one more
    if (this.#below.sockets.isShut) this.#lost('closed', messages)
    else this.#below.current.outbox.add({ parts: [topic, frame], messages, bytes: topic.length + frame.length })
  }

  /** Takes nothing from publishers while the outbox is full: they feel it as they feel any slow subscriber. */
  async #pause(): Promise<void> {
    this.#isFull = true
    for (const link of this.#above) link.reading = false
    await Promise.all([this.#below.current.outbox.whenRoom(), this.#history?.whenRoom()])
    this.#isFull = false
    if (this.life.isOpen) for (const link of this.#above) link.reading = true
  }

  #cutAbove(number: number): string {
    const link = this.#above.find((one) => one.link === number)
    link?.cut()
    return link?.socket.address ?? ''
  }

  #cutBelow(): string {
    const { targets } = this.#below.current
    this.#below.current.disconnectAll()
    return targets.join(', ')
  }

  #lost(reason: string, messages: number): void {
    if (messages === 0) return
    this.#dropped.add(reason, messages)
    publishDrop(this.name, reason, messages)
  }

  protected override async finish(deadline: number): Promise<number> {
    for (const link of this.#above) link.reading = false
    await this.waitUntil(deadline, this.#below.current.outbox.whenEmpty())
    await this.#history?.close(deadline - this.runtime.clock.now())
    // what is left is counted when the sockets are closed
    return 0
  }

  protected override released(left: number): void {
    for (const link of this.#above) link.close()
    this.#side.close()
    this.#answers.close()
    this.#introductions.close()
    this.#lost('closed', left)
  }
}
