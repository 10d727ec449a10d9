/**
 * The error for a value that a writer refused: what is wrong with it, and where.
 *
 * `check.ts` finds the issues; this file makes them an error, also when the value fights back while it is looked at.
 */
import { type Issue, RivuletError } from '../errors/index.js'
import { checkValue } from './check.js'
import type { LongMode } from './default-value.js'
import { summary } from './path.js'
import type { SchemaNode } from './schema-node.js'

/** Returns the `RIVULET_INVALID_MESSAGE` for a value that was refused. */
export function explainValue(node: SchemaNode, value: unknown, long: LongMode): RivuletError {
  try {
    const issues = checkValue(node, value, long)
    if (issues.length > 0) return invalidMessage(issues)
    return invalidMessage([{ path: '', message: 'the value changed while it was written' }])
  } catch (cause) {
    // a getter or a proxy of the value threw
    return invalidMessage([{ path: '', message: 'the value threw an error while it was read' }], cause)
  }
}

function invalidMessage(issues: readonly Issue[], cause?: unknown): RivuletError {
  return new RivuletError('RIVULET_INVALID_MESSAGE', `Value does not fit its schema: ${summary(issues)}`, {
    issues,
    cause,
  })
}
