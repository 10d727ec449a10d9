/**
 * The publishers' side of a hub: its sockets, what they ask, and the links over which history is fetched.
 *
 * It decides nothing about frames and answers; `hub-upstream.ts` is one socket.
 */
import type { RivuletError } from '../../src/errors/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import type { UpstreamEndpoints } from './hub-ends.js'
import type { HubIntake } from './hub-intake.js'
import { patternOf } from './hub-interest.js'
import { HubUpstream, type HubUpstreamPorts } from './hub-upstream.js'
import type { HubStep } from './hub-wire.js'
import { readLinks } from './link-addresses.js'
import { PublisherChanges } from './publisher-changes.js'
import type { SubscriberHistory, SubscriberHistoryPorts } from './subscriber-history.js'
import { inboxMark, noInbox } from './topic-name.js'

/** The links over which a hub asks publishers. */
export type HubLinks = Pick<SubscriberHistory, 'offers' | 'isExclusive' | 'securityEvents' | 'openLinks' | 'close'>

/** What they need of the hub. */
export type HubLinksPorts = Omit<SubscriberHistoryPorts, 'runtime' | 'options' | 'report'> & {
  readonly options: { readonly heldBytes: number; readonly repairTimeoutMs: number }
}

/** What it needs of its hub. */
export interface HubAbovePorts extends Pick<HubUpstreamPorts, 'clock' | 'hub' | 'socket' | 'data' | 'linked'> {
  readonly options: UpstreamEndpoints
  /** Makes the links to the history of publishers. */
  makeLinks(ports: HubLinksPorts): HubLinks
  random(bytes: number): Buffer
  readonly intake: Pick<HubIntake, 'reject' | 'learn' | 'denied'>
  /** A source serves what was asked for up to a number, from a position on. */
  served: HubUpstreamPorts['served']
  /** Whether the history of publishers is fetched. */
  readonly isFetching: boolean
  name(): string
  report(error: RivuletError): void
  /** A publisher does not answer any more. */
  lost(source: string): void
}

/** How long links to the history of a publisher are waited for, in milliseconds: less than subscribers wait for a repair. */
const historyWaitMs = 3000

/** The publishers' side. */
export class HubAbove {
  readonly links: readonly HubUpstream[]
  /** What publishers offer; `undefined` if nothing is fetched. */
  readonly history: HubLinks | undefined
  /** The links to publishers: for their history, and to what they serve in no other way. */
  readonly #linked: HubLinks
  readonly #presence: PublisherChanges
  readonly #random: HubAbovePorts['random']
  #cuts = 0

  constructor(ports: HubAbovePorts) {
    const { clock, isFetching, name, report, intake, random } = ports
    this.#random = random
    const rejected = (error: RivuletError) => intake.reject(error)
    const unlinked = () => {
      this.#cuts += 1
      this.#linked.offers.unlinked()
      this.#presence.unlinked()
    }
    this.#linked = ports.makeLinks({
      options: { heldBytes: 0, repairTimeoutMs: historyWaitMs },
      name,
      endpoints: () => this.links.flatMap(({ socket }) => socket.endpoints),
      connect: () => this.links.flatMap(({ socket }) => socket.connect),
      ask: () => this.ask(),
      reject: rejected,
      followed: {
        opened: () => {
          for (const { readiness } of this.live) readiness.linked()
          ports.linked()
        },
        lost: unlinked,
        refused: report,
        learn: (schemaId, text) => intake.learn(schemaId, text),
        frame: (topic, frame, check) => ports.data(Buffer.from(`${topic}.`), frame, check),
        // whose request it is an answer to, its nonce tells
        answer: (frame, _, check) => this.live.some((link) => link.linkAnswered(frame, check)),
        denied: () => intake.denied(),
      },
    })
    const { isExclusive } = this.#linked
    this.history = isFetching ? this.#linked : undefined
    this.#presence = new PublisherChanges({
      clock,
      ask: () => this.ask(),
      left: (publisher) => this.#linked.offers.left(publisher),
    })
    this.#presence.observable.subscribe(({ kind, publisher }) => {
      if (kind === 'suspected') ports.lost(publisher)
    })
    this.links = this.#sockets(ports.options, {
      ...ports,
      inbox: Buffer.concat([Buffer.of(inboxMark), random(16)]),
      extension: () => (isExclusive ? this.#linked : this.history)?.offers.extension ?? {},
      isExclusive,
      denied: () => intake.denied(),
      left: (source) => this.#presence.doubted(source),
      discovered: (source, addresses) => this.#linked.offers.discovered(source, addresses),
      request: ({ found }, frame) => this.#linked.offers.followed?.request(frame, (server) => found.has(server)),
      rejected,
      unlinked,
      served: (upstream, source, position, upTo, kind, links) => {
        this.history?.offers.answered(source, readLinks(links ? { links } : {}), kind === 'kept')
        if (kind !== 'kept') this.#presence.answered(source)
        ports.served(upstream, source, position, upTo, kind, links)
      },
    })
  }

  /** What the security of links observes that publishers dial. */
  get securityEvents(): HubLinks['securityEvents'] {
    return this.#linked.securityEvents
  }

  /** Connections that have ended so far. */
  get cuts(): number {
    return this.#cuts
  }

  /** Those that were not ended for good. */
  get live(): HubUpstream[] {
    return this.links.filter(({ isCut }) => !isCut)
  }

  set reading(on: boolean) {
    const { followed } = this.#linked.offers
    if (followed) followed.isPaused = !on
    for (const link of this.links) link.reading = on
  }

  /** Whether fetched messages may come. */
  set fetching(on: boolean) {
    if (this.history) this.history.offers.isPaused = !on
  }

  async open(): Promise<void> {
    for (const link of this.links) await link.open()
    await this.#linked.openLinks()
    // where messages come over links alone, requests name them from now on
    if (this.#linked.isExclusive) this.ask()
  }

  subscribe(subscribed: boolean, prefix: Buffer): void {
    const pattern = patternOf(prefix)
    const { followed } = this.#linked.offers
    if (pattern !== undefined) subscribed ? followed?.want(pattern) : followed?.unwant(pattern)
    if (this.#linked.isExclusive) return
    for (const link of this.links) link.subscribe(subscribed, prefix)
  }

  /** Asks all publishers to answer. */
  ask(): void {
    for (const { readiness } of this.live) readiness.ask()
  }

  /** Sends a request up that has passed these hubs, and this one. */
  pass(path: readonly HubStep[]): void {
    for (const link of this.links) link.request(this.#random(16), noInbox, path)
  }

  /** Ends one socket for good; returns where it led. */
  cut(number: number): string {
    const link = this.links.find((one) => one.link === number)
    link?.cut()
    // what was found over it alone is not followed any more
    for (const server of link?.found ?? []) {
      if (!this.live.some(({ found }) => found.has(server))) this.#linked.offers.left(server)
    }
    return link?.socket.address ?? ''
  }

  /** Resolves when so many links have ended, and nothing more arrives. */
  whenUnlinked(links: number): { readonly promise: Promise<unknown>; forget(): void } {
    let left = links
    const { promise, resolve } = deferred()
    if (left === 0) resolve()
    const subscriptions = this.links.map(({ socket }) =>
      socket.links.changes.subscribe(({ state }) => {
        if (state === 'disconnected') left -= 1
        if (left <= 0) resolve()
      }),
    )
    const quiet = () => Promise.all(this.live.map(({ socket }) => socket.whenQuiet()))
    const forget = () => {
      for (const subscription of subscriptions) subscription.unsubscribe()
    }
    return { promise: promise.then(quiet), forget }
  }

  /** Fetches nothing more. */
  async stop(): Promise<void> {
    await this.#linked.close()
  }

  close(): void {
    this.#presence.close()
    for (const link of this.links) link.close()
  }

  #sockets({ bind, connect }: UpstreamEndpoints, ports: HubUpstreamPorts): HubUpstream[] {
    const bound = bind.length > 0 ? [new HubUpstream(0, { bind, connect: [] }, ports)] : []
    // an observable is one: its endpoints come and go together
    const lists = Array.isArray(connect) ? connect.map((endpoint) => [endpoint]) : [connect]
    return [...bound, ...lists.map((list, at) => new HubUpstream(at + 1, { bind: [], connect: list }, ports))]
  }
}
