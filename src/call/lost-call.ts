/** What becomes of a call whose session has ended: the codes and the words. */
import { isRivuletError, type RivuletError } from '../errors/index.js'
import type { ClientCall } from './client-call.js'
import { callError } from './failure.js'

/** Whether a session ended since the two sides do not agree on who they are: the next one of this link ends the same way. */
export function isRefusal(reason: RivuletError | undefined): boolean {
  return refusals.some((code) => isRivuletError(reason, code))
}

/** Whether a call failed since its link was refused, and not for what a server made of it. */
export function hasLostLink(error: RivuletError): boolean {
  return isRefusal(error) && isRivuletError(error.cause, error.code)
}

const refusals = [
  'RIVULET_UNAUTHENTICATED',
  'RIVULET_ADMISSION_UNAVAILABLE',
  'RIVULET_SECURITY_MISMATCH',
  'RIVULET_SERVER_KEY_MISMATCH',
] as const

/** The outcome of a call that its session has lost and that goes nowhere else; `isUnsent` if the server has not had it. */
export function lostCallError(call: ClientCall, isUnsent: boolean, reason: RivuletError | undefined): RivuletError {
  const { executedBefore, method } = call
  const { label } = method
  const cause = { cause: reason }
  if (reason !== undefined && isRefusal(reason)) {
    return callError(reason.code, `${label}: ${reason.message}`, executedBefore, cause)
  }
  if (isUnsent) {
    const message = `${label}: the session ended before the call left, and its source cannot be read again`
    return callError('RIVULET_UNAVAILABLE', message, executedBefore, cause)
  }
  // a goodbye ends a session with this code: a server says it when it closes
  const isClosing = reason?.code === 'RIVULET_CLOSED'
  const what = isClosing ? 'its server closed' : 'the session ended'
  const code = isClosing ? 'RIVULET_SERVER_CLOSING' : 'RIVULET_UNKNOWN_OUTCOME'
  return callError(code, `${label}: ${what} before the outcome came`, executedBefore, cause)
}
