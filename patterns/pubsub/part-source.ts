/**
 * The parts of one replay, or of heads: taken when the link has room, it is their turn, and what they are taken from is complete.
 */
import { type ReadyItems, ReadySource } from '../../src/call/index.js'
import type { ReplayTurn } from './replay-turns.js'
import type { SignsOfLife } from './signs-of-life.js'

/** What parts are made of. */
export interface PartPorts<Part> {
  /** Takes the next part, of about so many bytes; `undefined` when there is none any more. */
  take(bytes: number): Part | undefined
  sizeOf(part: Part): number
  /** Nothing more is taken. */
  left(isComplete: boolean): void
  /** Calls back when parts may be taken, and before that when it makes progress; returns what makes it not call back any more. */
  readonly prepare: ((done: () => void, progress: () => void) => () => void) | undefined
  /** What is taken then, and while the turn has not come for long. */
  readonly none: Part
  /** Whether it is taken as well while nothing progresses. */
  readonly isPatient: boolean
  readonly signs: SignsOfLife
}

/** The parts of one replay, taken when its link has room and it is its turn. */
export class PartSource<Part> extends ReadySource<Part> {
  readonly #join: (ready: () => void) => ReplayTurn
  readonly #ports: PartPorts<Part>

  constructor(join: (ready: () => void) => ReplayTurn, ports: PartPorts<Part>) {
    super()
    this.#join = join
    this.#ports = ports
  }

  open(ready: () => void): ReadyItems<Part> {
    const turn = this.#join(ready)
    const { take, sizeOf, left, prepare, none, isPatient, signs } = this.#ports
    let isEnded = false
    let isPrepared = prepare === undefined
    let isOpen = false
    let isDue = false
    let hasProgress = isPatient
    const prepared = () => {
      isPrepared = true
      if (isOpen) ready()
    }
    const forget = prepare?.(prepared, () => {
      hasProgress = true
    })
    isOpen = true
    const life = signs.add(() => {
      if (!isPrepared && !hasProgress) return
      hasProgress = isPatient
      isDue = true
      ready()
    })
    const end = (isComplete: boolean) => {
      if (isEnded) return
      isEnded = true
      forget?.()
      life.ended()
      turn.leave()
      left(isComplete)
    }
    return {
      take() {
        if (isEnded) return undefined
        const bytes = isPrepared ? turn.ask() : 0
        const isSign = bytes === 0 && isDue
        isDue = false
        if (isSign) life.sent()
        if (bytes === 0) return isSign ? none : undefined
        let part: Part | undefined
        try {
          part = take(bytes)
        } catch (error) {
          end(false)
          throw error
        }
        if (part === undefined) {
          end(true)
        } else {
          turn.took(sizeOf(part))
          life.sent()
        }
        return part
      },
      get isEnded() {
        return isEnded
      },
      leave: () => end(false),
    }
  }
}
