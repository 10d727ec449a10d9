/**
 * A client of a directory over any links: what it has announced, what it watches, and one conversation with each session.
 *
 * Pure but for a clock and chance; whatever has the links gives it their sessions. Each session has calls of its own, since
 * every host gets everything.
 */
import { serviceOf } from '../../src/avro/service-codec.js'
import { CallClient, type ClientMethod } from '../../src/call/index.js'
import type { Clock } from '../../src/clock/index.js'
import { RemoteStream } from '../../src/conversation/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { defaults } from '../../src/options/index.js'
import type { LinkUser, PeerInfo, SessionStreams, SessionUser } from '../../src/session/index.js'
import { HostTalk } from './host-talk.js'
import { HostKnowledge, MergedViews } from './merged-views.js'
import { type AnnouncementOutcome, type Announcing, OwnAnnouncements } from './own-announcements.js'
import { type Announced, type AttendAnswer, type AttendRequest, DirectoryService, refusals, type View } from './wire.js'

/** What a client needs. */
export interface DirectoryClientPorts {
  readonly clock: Clock
  /** A number from 0 up to 1. */
  random(): number
  /** What it calls itself at hosts: random, and nobody else's. */
  readonly id: string
  readonly staleMs: number
  /** Names the resource, for messages. */
  name(): string
  report(error: RivuletError): void
  /** The entries of a watched view may have changed. */
  changed(view: View): void
}

/** A session with a host. */
interface Attending {
  readonly streams: SessionStreams
  readonly talk: HostTalk
  readonly stream: RemoteStream<AttendRequest, AttendAnswer>
  readonly calls: CallClient
}

/** The client's side of a directory. */
export class DirectoryClient implements LinkUser {
  readonly items: LinkUser['items']
  readonly #ports: DirectoryClientPorts
  readonly #own: OwnAnnouncements
  readonly #views: MergedViews
  readonly #attending = new Set<Attending>()
  #isDraining = false

  constructor(ports: DirectoryClientPorts) {
    this.#ports = ports
    this.items = this.#newCalls().items
    this.#own = new OwnAnnouncements((error) => ports.report(error))
    this.#views = this.makeViews({ clock: ports.clock, staleMs: ports.staleMs, changed: (view) => ports.changed(view) })
  }

  /** Announcements that have not been withdrawn. */
  get announcements(): number {
    return this.#own.size
  }

  /** Hosts that this client has a session with. */
  get hosts(): number {
    return this.#attending.size
  }

  /** Announces something to all hosts, now and whenever one comes. */
  announce(announcing: Announcing, outcome: AnnouncementOutcome): void {
    this.#own.add(announcing, outcome)
  }

  /** Replaces what is announced of an instance. */
  update(announcing: Announcing): void {
    this.#own.update(announcing)
  }

  /** Withdraws an announcement; resolves when the connected hosts have confirmed that. */
  withdraw(instance: string): Promise<void> {
    return this.#own.remove(instance)
  }

  /** Withdraws all announcements. */
  async withdrawAll(): Promise<void> {
    await Promise.all(this.#own.instances.map((instance) => this.#own.remove(instance)))
  }

  /** Watches a view, which is not watched; `unwatch` is given the same object. */
  watch(view: View): void {
    this.#views.watch(view)
    for (const { talk } of this.#attending) talk.watch(view, true)
  }

  unwatch(view: View): void {
    this.#views.unwatch(view)
    for (const { talk } of this.#attending) talk.watch(view, false)
  }

  /** What is there, by instance; `undefined` as long as no host has said it. */
  entries(view: View): ReadonlyMap<string, Announced> | undefined {
    return this.#views.entries(view)
  }

  accept(streams: SessionStreams, { dialed }: PeerInfo): SessionUser {
    const { clock, id } = this.#ports
    const random = () => this.#ports.random()
    const report = (error: RivuletError) => this.#ports.report(error)
    const calls = this.#newCalls()
    const user = calls.accept(streams)
    const method = calls.bind(serviceOf(DirectoryService)).methods.get('attend') as ClientMethod
    const knowledge = new HostKnowledge(dialed)
    const [own, views] = [this.#own, this.#views]
    const talk = new HostTalk({ clock, random, client: id, own, views, report, wake: () => stream.wake() }, knowledge)
    const stream: RemoteStream<AttendRequest, AttendAnswer> = new RemoteStream(
      calls,
      { method, endsWhenDraining: false, leavesStranded: false, causeOf: (cause) => refusals.causeOf('attend', cause) },
      clock,
      talk,
      random,
    )
    const attending = { streams, talk, stream, calls }
    this.#attending.add(attending)
    own.enter(talk)
    stream.start()
    return {
      get owes() {
        return user.owes
      },
      owns: (one) => user.owns(one),
      onItem: (...item) => user.onItem(...item),
      onWritable: (one) => user.onWritable(one),
      onStatus: (reason) => {
        const { status } = streams
        if (status !== 'ended') talk.connected(status === 'live')
        user.onStatus(reason)
        // a host that is not there is not waited for
        if (status === 'ended' || (status === 'cut' && this.#isDraining)) this.#leave(attending)
      },
    }
  }

  /** Withdraws everything, and ends the conversations. */
  async drain(): Promise<void> {
    this.#isDraining = true
    for (const one of [...this.#attending]) if (one.streams.status !== 'live') this.#leave(one)
    await this.withdrawAll()
    await Promise.all([...this.#attending].map(({ stream }) => stream.end()))
  }

  async stopAll(reason: RivuletError): Promise<void> {
    const attending = [...this.#attending]
    for (const one of attending) this.#leave(one)
    this.#views.close()
    await Promise.all(attending.map(({ calls }) => calls.stopAll(reason)))
  }

  /** Makes the machine that merges what hosts say. */
  protected makeViews(ports: ConstructorParameters<typeof MergedViews>[0]): MergedViews {
    return new MergedViews(ports)
  }

  #newCalls(): CallClient {
    const { clock } = this.#ports
    const name = () => this.#ports.name()
    return new CallClient({
      clock,
      failoverMs: defaults.failoverMs,
      name,
      report: (error) => this.#ports.report(error),
    })
  }

  #leave(attending: Attending): void {
    if (!this.#attending.delete(attending)) return
    const { talk, stream } = attending
    this.#own.leave(talk)
    stream.close()
    talk.close()
  }
}
