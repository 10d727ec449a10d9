/**
 * Whether this process may generate code from text: `node --disallow-code-generation-from-strings`, and hosts that
 * forbid the same, allow no `new Function`. The codecs are then interpreted.
 */

/** The answer of one harmless attempt, made when this module loads. */
export const mayGenerate: boolean = attempt()

function attempt(): boolean {
  try {
    return typeof new Function() === 'function'
  } catch {
    return false
  }
}
