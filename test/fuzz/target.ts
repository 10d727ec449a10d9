/** What is fuzzed: something that takes inputs of an untrusted peer, and answers each with a value or with a known error. */
import { isRivuletError } from '../../src/errors/index.js'
import type { Random } from '../simulation/random.js'

/** What an input comes to where it is taken. */
export const taken = 'value'

/** A reader under attack. */
export interface Target {
  /** The codes of the errors that an input may come to. */
  readonly codes: readonly string[]
  /** How many inputs of a million this target gets of those that go to all. */
  readonly share: number
  /**
   * Begins with nothing, and returns a function that makes an input, hands it over, and returns what it came to: `taken`
   * or a code. What it throws is a finding.
   */
  begin(random: Random): () => string
}

/** Returns what an action came to: `taken`, or the code of the error of this package that it threw. */
export function outcomeOf(action: () => unknown): string {
  try {
    action()
    return taken
  } catch (error) {
    if (isRivuletError(error)) return error.code
    throw error
  }
}
