/**
 * The errors of one resource that nobody observes, as warnings of the process: the first of each kind, and how many followed.
 *
 * A kind is a code and the place where the error behind it was thrown. Under a flood most errors are only counted: neither
 * the lines that are printed nor the stacks that are looked at grow with it.
 */
import type { Clock, Timer } from '../clock/index.js'
import type { RivuletError } from '../errors/index.js'
import { defaults } from '../options/index.js'
import { codeOf, detailOf, messageOf, placeOf, printable } from './describe-error.js'

const { warningMs } = defaults

/** The most kinds that are distinguished, and errors whose stacks are read for that, in this time; the code distinguishes the others. */
const mostKinds = 32
const maxStacksRead = 256

/** A kind of error that was printed. */
interface Kind {
  printedAt: number
  /** Errors since, and the last of them. */
  suppressed: number
  last: RivuletError
}

/** Prints the errors of one resource. */
export class ErrorWarnings {
  readonly #resource: () => string
  readonly #clock: Clock
  readonly #kinds = new Map<string, Kind>()
  #stacksRead = 0
  #stacksReadSince = 0
  #timer: Timer | undefined
  #isEnded = false

  constructor(resource: () => string, clock: Clock) {
    this.#resource = resource
    this.#clock = clock
  }

  /** Prints an error, or counts it. */
  warn(error: RivuletError): void {
    const now = this.#clock.now()
    const key = this.#keyOf(error, now)
    const kind = this.#kinds.get(key)
    if (kind === undefined || isForgotten(kind, now)) {
      this.#kinds.set(key, { printedAt: now, suppressed: 0, last: error })
      this.#print(error, 0)
      return
    }
    kind.suppressed += 1
    kind.last = error
    this.#arm(kind.printedAt + warningMs - now)
  }

  /** Prints what was counted; from now on the first of each kind alone is printed. */
  end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#isEnded = true
    for (const kind of this.#kinds.values()) this.#printLast(kind)
  }

  #arm(delayMs: number): void {
    if (this.#isEnded) return
    this.#timer ??= this.#clock.setTimer(() => {
      this.#timer = undefined
      const now = this.#clock.now()
      for (const kind of this.#kinds.values()) {
        if (kind.suppressed === 0) continue
        const waitMs = kind.printedAt + warningMs - now
        if (waitMs > 0) {
          this.#arm(waitMs)
          continue
        }
        this.#printLast(kind)
        kind.printedAt = now
      }
    }, delayMs)
  }

  #keyOf(error: RivuletError, now: number): string {
    const code = codeOf(error)
    if (now - this.#stacksReadSince >= warningMs) {
      this.#stacksReadSince = now
      this.#stacksRead = 0
      for (const [key, kind] of this.#kinds) if (isForgotten(kind, now)) this.#kinds.delete(key)
    }
    if (this.#stacksRead >= maxStacksRead) return code
    this.#stacksRead += 1
    const key = `${code} ${placeOf(error)}`
    return this.#kinds.size < mostKinds || this.#kinds.has(key) ? key : code
  }

  #printLast(kind: Kind): void {
    const { suppressed, last } = kind
    kind.suppressed = 0
    if (suppressed > 0) this.#print(last, suppressed - 1)
  }

  #print(error: RivuletError, others: number): void {
    const more = others === 0 ? '' : `${others} more like it not printed; `
    const [resource, message] = [this.#resource(), messageOf(error)]
    const named = message.startsWith(resource) ? message : `${resource}: ${message}`
    const text = `${named} (${more}subscribe to \`errors\` to handle these)`
    const detail = detailOf(error)
    const options = { type: 'RivuletWarning', code: codeOf(error) }
    process.emitWarning(printable(text), detail === '' ? options : { ...options, detail })
  }
}

function isForgotten({ suppressed, printedAt }: Kind, now: number): boolean {
  return suppressed === 0 && now - printedAt >= warningMs
}
