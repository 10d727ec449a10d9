/**
 * The workers as the process that started them knows them: who works, who has finished, who is gone.
 *
 * A worker does not know when the work is over; it has finished when it is dismissed. One that ends before that has failed,
 * unless it was killed on purpose.
 */
import { Subject } from 'rxjs'
import type { Child, Exit } from './children.js'
import type { Report } from './schemas.js'

/** What a worker is at. `killed`: by us; `failed`: it ended before the work was over, by itself or by others. */
export type WorkerState = 'working' | 'finished' | 'killed' | 'failed'

/** One worker. */
export interface Member {
  readonly worker: number
  readonly pid: number | undefined
  state: WorkerState
  /** Files it has answered. */
  answered: number
  /** Other files it had in work when it last answered, or when it was killed. */
  inWork: number
  /** How it ended, if it did not finish. */
  exit: Exit | undefined
}

/** All workers. */
export class Crew {
  readonly members: Member[] = []
  /** Emits a worker when its state has changed. */
  readonly changes = new Subject<Member>()
  readonly #children = new Map<Member, Child>()
  #dismissed = false

  /** Adds a worker. */
  add(child: Child): void {
    const member: Member = {
      worker: this.members.length,
      pid: child.pid,
      state: 'working',
      answered: 0,
      inWork: 0,
      exit: undefined,
    }
    this.members.push(member)
    this.#children.set(member, child)
    void child.ended.then((exit) => {
      if (this.#dismissed) return
      member.exit = exit
      if (member.state === 'working') this.#change(member, 'failed')
      else if (member.state === 'killed') this.changes.next(member)
    })
  }

  /** Workers that are neither finished nor gone. A killed one counts until its process has ended. */
  get working(): number {
    return this.members.filter(({ state, exit }) => state === 'working' || (state === 'killed' && !exit)).length
  }

  /** Takes what a worker says about itself. */
  heard({ worker, inWork, outcomes }: Report): Member | undefined {
    const member = this.members[worker]
    if (member === undefined) return
    // what a killed worker said before it died may still come
    if (member.state !== 'killed') member.inWork = inWork
    member.answered += outcomes.length
    return member
  }

  /** The work is over: who is still at it has finished, and may end. */
  dismiss(): void {
    if (this.#dismissed) return
    this.#dismissed = true
    for (const member of this.members) if (member.state === 'working') this.#change(member, 'finished')
  }

  /** Kills a worker at its work. */
  kill(member: Member): void {
    this.#children.get(member)?.kill()
    this.#change(member, 'killed')
  }

  #change(member: Member, state: WorkerState): void {
    member.state = state
    this.changes.next(member)
  }
}
