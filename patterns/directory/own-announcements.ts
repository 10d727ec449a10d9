/**
 * What a client has announced, and what hosts have said of that. Each host is spoken to by a conversation of its own.
 *
 * Pure. Every announcement, change and withdrawal has the next number of one row, the revision, by which hosts tell what is
 * newer although they hear of it over several links.
 */
import type { RivuletError } from '../../src/errors/index.js'
import type { Announced, Revision } from './wire.js'

/** What is announced, before it has a revision. */
export type Announcing = Omit<Announced, 'revision'>

/** Takes the first outcome of an announcement. */
export interface AnnouncementOutcome {
  /** A host has confirmed it. */
  confirmed(): void
  /** A host has refused it, and no other host has it or may still take it. */
  refused(error: RivuletError): void
}

/** An announcement of this client. */
export interface OwnAnnouncement {
  announced: Announced
  /** Whether a host has ever confirmed it. */
  wasConfirmed: boolean
  readonly outcome: AnnouncementOutcome
}

/** What speaks with one host. */
export interface AnnouncementUser {
  /** There is something new to say of an instance. */
  announce(instance: string): void
  /** An instance is to be withdrawn; calls back when the host has confirmed that, or nobody is there to do so. */
  withdraw(revision: Revision, done: () => void): void
  /** Whether it is still to be heard what the host says of an instance. */
  awaits(instance: string): boolean
}

/** The announcements of one client. */
export class OwnAnnouncements {
  readonly #all = new Map<string, OwnAnnouncement>()
  readonly #users = new Set<AnnouncementUser>()
  readonly #report: (error: RivuletError) => void
  #revision = 0

  /** @param report - Takes refusals of announcements that another host has confirmed. */
  constructor(report: (error: RivuletError) => void) {
    this.#report = report
  }

  /** The number of the last announcement, change or withdrawal. */
  get revision(): number {
    return this.#revision
  }

  get size(): number {
    return this.#all.size
  }

  get instances(): readonly string[] {
    return [...this.#all.keys()]
  }

  get(instance: string): OwnAnnouncement | undefined {
    return this.#all.get(instance)
  }

  /** Adds what speaks with a host. */
  enter(user: AnnouncementUser): void {
    this.#users.add(user)
  }

  leave(user: AnnouncementUser): void {
    this.#users.delete(user)
  }

  /** Announces something. */
  add(announcing: Announcing, outcome: AnnouncementOutcome): void {
    const { instance } = announcing
    this.#all.set(instance, { announced: this.#next(announcing), wasConfirmed: false, outcome })
    for (const user of this.#users) user.announce(instance)
  }

  /** Replaces what is announced of an instance, if it still is. */
  update(announcing: Announcing): void {
    const own = this.#all.get(announcing.instance)
    if (own === undefined) return
    own.announced = this.#next(announcing)
    for (const user of this.#users) user.announce(announcing.instance)
  }

  /** Withdraws an announcement; resolves when the connected hosts have confirmed that. */
  async remove(instance: string): Promise<void> {
    if (!this.#all.delete(instance)) return
    this.#revision += 1
    const revision = { instance, revision: this.#revision }
    await Promise.all([...this.#users].map((user) => new Promise<void>((done) => user.withdraw(revision, done))))
  }

  /** A host has confirmed an announcement. */
  confirmed(instance: string): void {
    const own = this.#all.get(instance)
    if (own === undefined || own.wasConfirmed) return
    own.wasConfirmed = true
    own.outcome.confirmed()
  }

  /** A host has refused one. */
  refused(instance: string, error: RivuletError): void {
    const own = this.#all.get(instance)
    if (own === undefined) return
    if (own.wasConfirmed) this.#report(error)
    else if (![...this.#users].some((user) => user.awaits(instance))) own.outcome.refused(error)
  }

  #next(announcing: Announcing): Announced {
    this.#revision += 1
    return { ...announcing, revision: this.#revision }
  }
}
