/** Errors: the closed list of codes, the class that carries them, and its guard. */

export { type ErrorCode, type ErrorCodeEntry, errorCodes } from './codes.js'
export { errnoOf } from './errno.js'
export { maxReceivedCharacters, type ReceivedFailure, receivedError, receivedFailure } from './received-failure.js'
export { type DeliveryDetails, type ErrorDetails, type Issue, isRivuletError, RivuletError } from './rivulet-error.js'
