/**
 * Sources of streams for which there is room again: they continue in order, some in each turn of the event loop.
 *
 * All streams of a session share the window of its link, so that one acknowledgement makes room for all that wait, and few of
 * them find it. How a source is taken from is decided in `outgoing-items.ts`.
 */
import { Fifo, turnBudget } from '../lifecycle/index.js'
import type { SessionStreams } from '../session/index.js'
import type { OnStream, OpenCalls } from './open-calls.js'

/** Sources that continue before others have their turn of the event loop. */
export const sourcesPerTurn = 256

/** A call that may send a stream. */
interface SendingCall extends OnStream {
  readonly outgoing?: { writable(): void } | undefined
}

/** What is needed of a side of calls. */
export interface WakingOwner {
  readonly streams: Pick<SessionStreams, 'isWritable'>
  readonly calls: Pick<OpenCalls<SendingCall>, 'get'>
}

/** The sources of one session that wait for room. */
export class WakingSources {
  readonly #owner: WakingOwner
  readonly #waiting = new Fifo<number>()
  #woken = 0
  #isResting = false
  readonly #continue = () => {
    this.#isResting = false
    while (this.#waiting.length > 0 && !this.#isResting) {
      const stream = this.#waiting.shift() as number
      // if others have taken the room meanwhile, it is notified again
      if (this.#owner.calls.get(stream) && this.#owner.streams.isWritable(stream)) this.wake(stream)
    }
  }

  constructor(owner: WakingOwner) {
    this.#owner = owner
  }

  /** There is room on a stream. */
  wake(stream: number): void {
    if (this.#isResting) {
      this.#waiting.push(stream)
      return
    }
    this.#owner.calls.get(stream)?.outgoing?.writable()
    this.#woken += 1
    if (this.#woken < sourcesPerTurn) return
    this.#woken = 0
    this.#isResting = true
    turnBudget.nextTurn(this.#continue)
  }
}
