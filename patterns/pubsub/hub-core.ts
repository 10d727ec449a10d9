/**
 * What a hub does with frames, subscriptions and requests, whatever its sockets are.
 *
 * Pure but for a clock: `hub.ts` gives it native sockets, links and logs, a simulation gives it simulated ones.
 */
import { RivuletError } from '../../src/errors/index.js'
import { publishDrop, Tally } from '../../src/observe/index.js'
import { defaults } from '../../src/options/index.js'
import type { DataFrame, TopicRequest } from '../../src/wire/index.js'
import type { SourceCheck } from './followed-topics.js'
import { HubAbove, type HubAbovePorts } from './hub-above.js'
import { HubAnswers } from './hub-answers.js'
import { HubBelow, type HubBelowPorts } from './hub-below.js'
import type { HubHistory } from './hub-history.js'
import { HubIntake, orderKey } from './hub-intake.js'
import { HubInterest } from './hub-interest.js'
import { HubIntroductions } from './hub-introductions.js'
import { HubLoops } from './hub-loops.js'
import type { ResolvedHubOptions } from './hub-options.js'
import { HubRepairs } from './hub-repairs.js'
import type { CountedHub } from './hub-stats.js'
import type { HubUpstreamPorts } from './hub-upstream.js'
import { pathOf } from './hub-wire.js'

/** What it needs of its hub. */
export interface HubCorePorts
  extends Pick<HubBelowPorts, 'runtime' | 'random' | 'openLogs' | 'openLinks' | 'report'>,
    Pick<HubAbovePorts, 'makeLinks' | 'name'> {
  /** Makes a socket to publishers. */
  readonly publishers: HubAbovePorts['socket']
  /** Makes the socket to which subscribers are linked. */
  readonly subscribers: HubBelowPorts['socket']
  /** What is malformed is reported here. */
  readonly reports: ConstructorParameters<typeof HubIntake>[1]
  /** Whether it is neither closing nor closed. */
  isOpen(): boolean
}

/** Forwards, keeps and answers for one hub. */
export class HubCore {
  readonly above: HubAbove
  readonly below: HubBelow
  readonly answers: HubAnswers
  readonly #ports: HubCorePorts
  readonly #interest = new HubInterest()
  readonly #introductions: HubIntroductions
  readonly #loops: HubLoops
  readonly #history: HubHistory | undefined
  readonly #repairs: HubRepairs | undefined
  readonly #intake: HubIntake
  readonly #dropped = new Tally()
  #isFull = false

  constructor(options: Pick<ResolvedHubOptions, 'publishers' | 'subscribers' | 'history'>, ports: HubCorePorts) {
    this.#ports = ports
    const { runtime, report, random } = ports
    const { clock } = runtime
    const hub = random(8)
    this.#intake = new HubIntake(options.publishers.maxMessageBytes, ports.reports)
    this.below = new HubBelow({
      ...ports,
      hub,
      options: options.subscribers,
      history: options.history,
      socket: (handlers) => ports.subscribers(handlers),
      subscription: (subscribed, prefix) => this.#onSubscription(subscribed, prefix),
      reset: () => this.#onReset(),
      asked: (request) => this.#onRequest(request),
      requested: (inbox, nonce) => this.answers.requested(inbox, nonce),
      left: (inbox) => this.answers.left(inbox),
      lost: (messages) => this.#lost('transport', messages),
      completes: () => (this.#repairs as HubRepairs).completion,
      missed: (...missed) => this.above.history?.offers.missed(...missed),
    })
    this.#history = this.below.history
    this.above = new HubAbove({
      clock,
      hub,
      random,
      report,
      options: options.publishers,
      isFetching: options.history !== undefined,
      name: () => ports.name(),
      socket: (...socket) => ports.publishers(...socket),
      makeLinks: (handlers) => ports.makeLinks(handlers),
      data: (...data) => this.#onData(...data),
      intake: this.#intake,
      served: (...answer) => this.#served(...answer),
      linked: () => this.#loops.linked(),
      lost: (source) => this.answers.lost(source),
    })
    this.#repairs =
      this.#history &&
      this.above.history &&
      new HubRepairs({
        above: this.above.history.offers,
        history: this.#history,
        order: this.#intake.order,
        interest: this.#interest,
        late: ({ frame, writerText }) => this.#onLate(frame, writerText),
        kept: () => this.#lookForRoom(),
      })
    this.answers = new HubAnswers({
      clock,
      links: () => this.above.links,
      answer: (answer) => this.below.answer(answer),
      kept: () => this.#history?.kept() ?? [],
    })
    this.#introductions = new HubIntroductions({
      clock,
      announceMs: defaults.announceMs,
      isWanted: (...topic) => this.#interest.isWanted(...topic),
      send: (part, frame) => this.#forward(part, frame, 0),
    })
    this.#loops = new HubLoops(hub, {
      clock,
      pass: (path) => this.above.pass(path),
      cutAbove: (link) => this.above.cut(link),
      cutBelow: () => this.below.socket.disconnect(),
      report: (error) => report(new RivuletError(error.code, `${ports.name()}: ${error.message}`)),
    })
  }

  /**
   * Opens logs, sockets and links.
   *
   * @error RIVULET_STORE_LOCKED, RIVULET_STORE_FORMAT, RIVULET_STORE_CORRUPT, RIVULET_STORE_FAILED, and what sockets fail with
   */
  async open(): Promise<void> {
    await this.#history?.openLogs()
    // subscribers first: what publishers send may be forwarded from the start
    await this.below.open()
    await this.above.open()
  }

  /** Takes what comes from both sides from now on. */
  read(): void {
    this.below.socket.reading = true
    this.above.reading = true
  }

  /** What it has counted. */
  counts(): Omit<CountedHub, 'side'> {
    return {
      outbox: this.below.outbox,
      intake: this.#intake,
      lost: this.#dropped,
      prefixes: this.#interest.size,
      links: this.below.feed.stats(),
      history: this.#history?.stats(),
    }
  }

  /** Serves and fetches nothing more than what is done within this time. */
  async stop(timeoutMs: number): Promise<void> {
    await this.above.stop()
    await this.below.stop(timeoutMs)
  }

  /** @param left - Messages that sockets have not sent. */
  close(left: number): void {
    this.above.close()
    const unsent = this.below.close()
    this.answers.close()
    this.#introductions.close()
    this.#lost('closed', left + unsent)
  }

  #onSubscription(subscribed: boolean, prefix: Buffer): void {
    const change = this.#interest.change(subscribed, prefix)
    if (change !== undefined) this.above.subscribe(subscribed, prefix)
    if (subscribed) this.#introductions.subscribed(prefix)
  }

  #onReset(): void {
    this.answers.clear()
    for (const prefix of this.#interest.clear()) this.above.subscribe(false, prefix)
  }

  /** Looks where a request has been; false if that cannot be read. */
  #onRequest(request: TopicRequest): boolean {
    try {
      const path = pathOf(request)
      if (path.length > 0) this.#loops.take(path)
      return true
    } catch (error) {
      this.below.socket.reject(error as RivuletError)
      return false
    }
  }

  /** A publisher serves what was asked for; its history is served before that is known below. */
  #served(...answer: Parameters<HubUpstreamPorts['served']>): void {
    const [, source, position, , kind] = answer
    if (kind !== 'kept') this.#history?.answered(source)
    this.answers.served(...answer)
    this.#repairs?.served(source, position, this.above.cuts)
  }

  #onData(topic: Buffer, bytes: Buffer, check?: SourceCheck): void {
    const taken = this.#intake.open(topic, bytes, this.#interest.changes, check)
    if (taken === undefined) return
    const { frame, key, schemaText, gap } = taken
    // before it is forwarded: subscribers ask for what is missing
    if (gap) this.#repairs?.gap(frame.header.source, topic, gap)
    if (schemaText !== undefined) this.#introductions.forwarded(key, frame, schemaText, this.#interest.changes)
    if (this.#history?.keep(topic, frame, schemaText) === false) this.#intake.order.broken(key)
    this.#forward(topic, bytes, frame.header.count, { schemaId: frame.header.schemaId as Buffer, schemaText })
    this.#lookForRoom()
  }

  /** The last frame of a topic was lost: it shows subscribers what else is missing. */
  #onLate(frame: DataFrame, schemaText: string): void {
    const { topic, header, bytes } = frame
    if (topic === undefined || !this.#intake.fetched(frame, this.#interest.changes)) return
    this.#introductions.forwarded(orderKey(header.source, topic), frame, schemaText, this.#interest.changes)
    this.#forward(topic, bytes, header.count, { schemaId: header.schemaId as Buffer, schemaText })
  }

  #lookForRoom(): void {
    if (this.#history?.isFull) this.above.fetching = false
    if (!this.#isFull && (this.below.outbox.isFull() || this.#history?.isFull)) void this.#pause()
  }

  #forward(topic: Buffer, frame: Buffer, messages: number, schema?: Parameters<HubBelow['forward']>[3]): void {
    // a read that was pending when the sockets were closed may bring one more
    if (this.below.socket.isShut) this.#lost('closed', messages)
    else this.below.forward(topic, frame, messages, schema)
  }

  /** Takes nothing from publishers while the outbox is full: to them it is a slow subscriber. */
  async #pause(): Promise<void> {
    this.#isFull = true
    this.above.reading = false
    await Promise.all([this.below.outbox.whenRoom(), this.#history?.whenRoom()])
    this.#isFull = false
    if (!this.#ports.isOpen()) return
    this.above.reading = true
    this.above.fetching = true
  }

  #lost(reason: string, messages: number): void {
    if (messages === 0) return
    this.#dropped.add(reason, messages)
    publishDrop(this.#ports.name(), reason, messages)
  }
}
