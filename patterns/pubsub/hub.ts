/**
 * The hub: takes the messages of any number of publishers, and forwards them to any number of subscribers.
 *
 * To publishers it is a subscriber, to subscribers a publisher; frames pass as they are, and no message is decoded.
 */
import { randomBytes } from 'node:crypto'
import { merge, type Observable } from 'rxjs'
import { RivuletError } from '../../src/errors/index.js'
import type { Closable } from '../../src/lifecycle/index.js'
import { publishDrop, Tally } from '../../src/observe/index.js'
import { defaults } from '../../src/options/index.js'
import { ResourceBase } from '../../src/resource/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import type { DataFrame, TopicRequest } from '../../src/wire/index.js'
import type { SourceCheck } from './followed-topics.js'
import { HubAbove } from './hub-above.js'
import { HubAnswers } from './hub-answers.js'
import type { Hub, HubSide, HubStats } from './hub-api.js'
import { HubBelow } from './hub-below.js'
import type { HubHistory } from './hub-history.js'
import { HubIntake, orderKey } from './hub-intake.js'
import { HubInterest } from './hub-interest.js'
import { HubIntroductions } from './hub-introductions.js'
import { HubLoops } from './hub-loops.js'
import type { ResolvedHubOptions } from './hub-options.js'
import { HubRepairs } from './hub-repairs.js'
import { hubStats } from './hub-stats.js'
import { HubTransport } from './hub-transport.js'
import type { HubUpstreamPorts } from './hub-upstream.js'
import { pathOf } from './hub-wire.js'

/** A hub; `create-hub.ts` opens one. */
export class HubResource extends ResourceBase<HubStats> implements Hub {
  readonly #id = randomBytes(8)
  readonly #above: HubAbove
  readonly #below: HubBelow
  readonly #transport: HubTransport
  readonly #interest = new HubInterest()
  readonly #answers: HubAnswers
  readonly #introductions: HubIntroductions
  readonly #loops: HubLoops
  readonly #history: HubHistory | undefined
  readonly #repairs: HubRepairs | undefined
  readonly #intake: HubIntake
  readonly #dropped = new Tally()
  #isFull = false

  static create(options: ResolvedHubOptions): Promise<HubResource> {
    return new HubResource(options).#start()
  }

  private constructor(options: ResolvedHubOptions) {
    super('createHub', options)
    const { clock } = this.runtime
    const report = (error: RivuletError) => this.reports.report(error)
    this.#intake = new HubIntake(options.publishers.maxMessageBytes, this.reports)
    this.#below = new HubBelow({
      scope: this.scope,
      hub: this.#id,
      options: options.subscribers,
      history: options.history,
      name: () => this.name,
      report,
      subscription: (subscribed, prefix) => this.#onSubscription(subscribed, prefix),
      reset: () => this.#onReset(),
      asked: (request) => this.#onRequest(request),
      requested: (inbox, nonce) => this.#answers.requested(inbox, nonce),
      left: (inbox) => this.#answers.left(inbox),
      lost: (messages) => this.#lost('transport', messages),
      completes: () => (this.#repairs as HubRepairs).completion,
      missed: (...missed) => this.#above.history?.offers.missed(...missed),
    })
    this.#history = this.#below.history
    this.#above = new HubAbove({
      scope: this.scope,
      hub: this.#id,
      options: options.publishers,
      isFetching: options.history !== undefined,
      name: () => this.name,
      report,
      data: (...data) => this.#onData(...data),
      intake: this.#intake,
      served: (...answer) => this.#served(...answer),
      linked: () => this.#loops.linked(),
      lost: (source) => this.#answers.lost(source),
    })
    this.#transport = new HubTransport(this.#above.sockets, this.#below.socket)
    this.transport = this.#transport
    this.#repairs =
      this.#history &&
      this.#above.history &&
      new HubRepairs({
        above: this.#above.history.offers,
        history: this.#history,
        order: this.#intake.order,
        interest: this.#interest,
        late: ({ frame, writerText }) => this.#onLate(frame, writerText),
        kept: () => this.#lookForRoom(),
      })
    this.#answers = new HubAnswers({
      clock,
      links: () => this.#above.links,
      answer: (answer) => this.#below.answer(answer),
      kept: () => this.#history?.kept() ?? [],
    })
    this.#introductions = new HubIntroductions({
      clock,
      announceMs: defaults.announceMs,
      send: (part, frame) => this.#forward(part, frame, 0),
    })
    this.#loops = new HubLoops(this.#id, {
      clock,
      pass: (path) => this.#above.pass(path),
      cutAbove: (link) => this.#above.cut(link),
      cutBelow: () => {
        const { targets } = this.#below.current
        this.#below.current.disconnectAll()
        return targets.join(', ')
      },
      report: (error) => report(new RivuletError(error.code, `${this.name}: ${error.message}`)),
    })
  }

  async #start(): Promise<this> {
    await this.open()
    // the caller observes `errors` by then: a ring is found with the first request
    setImmediate(() => {
      if (!this.life.isOpen) return
      this.#below.current.reading = true
      this.#above.reading = true
    })
    return this
  }

  protected override async openTransport(): Promise<void> {
    try {
      await this.#history?.openLogs()
      // subscribers first: what publishers send may be forwarded from the start
      await this.#below.open()
      await this.#above.open()
      // what its runtime has closed meanwhile has not closed these
      if (this.status !== 'opening') throw new RivuletError('RIVULET_CLOSED', `${this.name}: the runtime was closed`)
    } catch (error) {
      await this.#above.stop()
      await this.#below.stop(0)
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
    return merge(super.securityEvents, this.#above.securityEvents, this.#below.securityEvents)
  }

  stats(): HubStats {
    return hubStats({
      outbox: this.#below.outbox,
      intake: this.#intake,
      lost: this.#dropped,
      prefixes: this.#interest.size,
      side: this.#below.side,
      links: this.#below.feed.stats(),
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
    const linked = users.filter((one) => one instanceof ResourceBase && one.connected > 0).length
    const { promise, forget } = this.#above.whenUnlinked(linked)
    return async (deadline) => {
      await this.waitUntil(deadline, promise)
      forget()
    }
  }

  #onSubscription(subscribed: boolean, prefix: Buffer): void {
    const change = this.#interest.change(subscribed, prefix)
    if (change !== undefined) this.#above.subscribe(subscribed, prefix)
    if (subscribed) this.#introductions.subscribed(prefix)
  }

  #onReset(): void {
    this.#answers.clear()
    for (const prefix of this.#interest.clear()) this.#above.subscribe(false, prefix)
  }

  /** Looks where a request has been; false if that cannot be read. */
  #onRequest(request: TopicRequest): boolean {
    try {
      const path = pathOf(request)
      if (path.length > 0) this.#loops.take(path)
      return true
    } catch (error) {
      this.#below.side.reject(error as RivuletError)
      return false
    }
  }

  /** A publisher serves what was asked for; its history is served before that is known below. */
  #served(...answer: Parameters<HubUpstreamPorts['served']>): void {
    const [, source, position, , kind] = answer
    if (kind !== 'kept') this.#history?.answered(source)
    this.#answers.served(...answer)
    this.#repairs?.served(source, position, this.#above.cuts)
  }

  #onData(topic: Buffer, bytes: Buffer, check?: SourceCheck): void {
    const taken = this.#intake.open(topic, bytes, this.#interest.changes, check)
    if (taken === undefined) return
    const { frame, key, schemaText, gap } = taken
    // before it is forwarded: subscribers ask for what is missing
    if (gap) this.#repairs?.gap(frame.header.source, topic, gap)
    if (schemaText !== undefined) this.#introductions.forwarded(key, frame, schemaText)
    if (this.#history?.keep(topic, frame, schemaText) === false) this.#intake.order.broken(key)
    this.#forward(topic, bytes, frame.header.count, { schemaId: frame.header.schemaId as Buffer, schemaText })
    this.#lookForRoom()
  }

  /** The last frame of a topic was lost: it shows subscribers what else is missing. */
  #onLate(frame: DataFrame, schemaText: string): void {
    const { topic, header, bytes } = frame
    if (topic === undefined || !this.#intake.fetched(frame, this.#interest.changes)) return
    this.#introductions.forwarded(orderKey(header.source, topic), frame, schemaText)
    this.#forward(topic, bytes, header.count, { schemaId: header.schemaId as Buffer, schemaText })
  }

  #lookForRoom(): void {
    if (this.#history?.isFull) this.#above.fetching = false
    if (!this.#isFull && (this.#below.outbox.isFull() || this.#history?.isFull)) void this.#pause()
  }

  #forward(topic: Buffer, frame: Buffer, messages: number, schema?: Parameters<HubBelow['forward']>[3]): void {
    // a read that was pending when the sockets were closed may bring one more
    if (this.#below.socket.sockets.isShut) this.#lost('closed', messages)
    else this.#below.forward(topic, frame, messages, schema)
  }

  /** Takes nothing from publishers while the outbox is full: to them it is a slow subscriber. */
  async #pause(): Promise<void> {
    this.#isFull = true
    this.#above.reading = false
    await Promise.all([this.#below.outbox.whenRoom(), this.#history?.whenRoom()])
    this.#isFull = false
    if (!this.life.isOpen) return
    this.#above.reading = true
    this.#above.fetching = true
  }

  #lost(reason: string, messages: number): void {
    if (messages === 0) return
    this.#dropped.add(reason, messages)
    publishDrop(this.name, reason, messages)
  }

  protected override async finish(deadline: number): Promise<number> {
    this.#above.reading = false
    await this.waitUntil(deadline, this.#below.outbox.whenEmpty())
    await this.#above.stop()
    await this.#below.stop(deadline - this.runtime.clock.now())
    // what is left is counted when the sockets are closed
    return 0
  }

  protected override released(left: number): void {
    this.#above.close()
    const unsent = this.#below.close()
    this.#answers.close()
    this.#introductions.close()
    this.#lost('closed', left + unsent)
  }
}
