/**
 * What a directory promises, held against what its clients see: it knows what is announced, and nothing of how it travels.
 */

import type { Scheduler } from './scheduler.js'
import { BrokenPromise } from './session-oracle.js'

/** What is announced. */
export interface TrueAnnouncement {
  readonly role: 'PEER' | 'SERVICE'
  readonly name: string
  readonly instance: string
  readonly epoch: number
}

interface Seen {
  readonly instances: ReadonlySet<string>
  readonly conflicts: string
}

/** The truth about one run. */
export class DirectoryOracle {
  readonly #scheduler: Scheduler
  /** What is announced now, by instance, with the process that has. */
  readonly #live = new Map<string, TrueAnnouncement & { readonly process: string }>()
  readonly #ever = new Set<string>()
  /** What each client sees, by its name and the view. */
  readonly #seen = new Map<string, Map<string, Seen>>()
  /** Whether trouble is so small that nothing that lives may ever vanish. */
  readonly #isMild: boolean
  broken: BrokenPromise | undefined
  /** Lists that clients have seen. */
  lists = 0

  constructor(scheduler: Scheduler, isMild: boolean) {
    this.#scheduler = scheduler
    this.#isMild = isMild
  }

  fail(message: string): void {
    this.broken ??= new BrokenPromise(`at ${this.#scheduler.now.toFixed(0)}: ${message}`)
  }

  announced(process: string, announcement: TrueAnnouncement): void {
    this.#live.set(announcement.instance, { ...announcement, process })
    this.#ever.add(announcement.instance)
  }

  withdrawn(instance: string): void {
    this.#live.delete(instance)
  }

  /** A process has died: what it has announced ends, and it sees nothing more. */
  died(process: string): void {
    this.#seen.delete(process)
    for (const [instance, one] of this.#live) if (one.process === process) this.#live.delete(instance)
  }

  /** A client reads a view from the start. */
  forgets(client: string, view: string): void {
    this.#seen.get(client)?.delete(view)
  }

  /** A client sees a list. */
  saw(client: string, view: string, list: readonly string[], conflicts: string): void {
    this.lists += 1
    const instances = new Set(list)
    if (instances.size !== list.length) this.fail(`${client} sees an instance twice`)
    for (const instance of list) if (!this.#ever.has(instance)) this.fail(`${client} sees ${instance}, which never was`)
    const views = this.#seen.get(client) ?? new Map<string, Seen>()
    const before = views.get(view)?.instances ?? new Set()
    views.set(view, { instances, conflicts })
    this.#seen.set(client, views)
    if (!this.#isMild) return
    for (const instance of before) {
      if (this.#live.has(instance) && !instances.has(instance)) this.fail(`${client} has lost ${instance}, which lives`)
    }
  }

  /** Says what is not as it should be when there has been no trouble for long enough. */
  fault(clients: readonly string[], views: readonly string[]): string | undefined {
    for (const client of clients) {
      for (const view of views) {
        const seen = this.#seen.get(client)?.get(view)
        const live = [...this.#live.values()].filter((one) => viewOf(one) === view)
        if (seen === undefined) return `${client} has seen nothing of ${view}`
        for (const { instance } of live) if (!seen.instances.has(instance)) return `${client} does not see ${instance}`
        if (seen.instances.size !== live.length)
          return `${client} sees ${seen.instances.size} of ${live.length} in ${view}`
        if (view.startsWith('PEER') && seen.conflicts !== conflictsAmong(live)) {
          return `${client} sees the conflicts ${seen.conflicts}, not ${conflictsAmong(live)}`
        }
      }
    }
    return undefined
  }

  /** How many announcements live. */
  get size(): number {
    return this.#live.size
  }
}

function viewOf({ role, name }: TrueAnnouncement): string {
  return role === 'PEER' ? 'PEER ' : `SERVICE ${name}`
}

/** The names that several peers hold, with the winner: told from the rule alone. */
function conflictsAmong(live: readonly (TrueAnnouncement & { readonly process: string })[]): string {
  const names = [...new Set(live.map(({ name }) => name))]
  const conflicts = names.flatMap((name) => {
    const holders = live.filter((one) => one.name === name)
    const highest = Math.max(...holders.map(({ epoch }) => epoch))
    const winner = holders
      .filter(({ epoch }) => epoch === highest)
      .map(({ instance }) => instance)
      .sort()[0]
    return holders.length > 1 ? [`${name}: ${winner} of ${holders.length}`] : []
  })
  return conflicts.sort().join(', ')
}
