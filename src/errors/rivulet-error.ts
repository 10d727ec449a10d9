/**
 * The one error class of Rivulet, and how it is recognised.
 *
 * Errors carry a `Symbol.for` brand, so that two copies of the package in one process recognise each other's errors:
 * use `isRivuletError`, not `instanceof`. Foreign errors are translated beside the library that throws them.
 */
import { type ErrorCode, errorCodes } from './codes.js'

const brand = Symbol.for('rivulet.error')

/** One place where a value or a schema is wrong. */
export interface Issue {
  /** The path to the place, for example `order.lines[2].price`; empty for the whole value. */
  readonly path: string
  /** What is wrong there, for example `expected double, received string`; never the value itself. */
  readonly message: string
}

/** The delivery of a durable queue that an error is about. */
export interface DeliveryDetails {
  /** The name of the queue. */
  readonly queue: string
  /** The place of the message in the queue. */
  readonly position: number
  /** Which delivery of the message it is, from 1 on. */
  readonly attempt: number
  /** The id that its producer gave the message, if it has one. */
  readonly id: string | undefined
  /** The name of the consumer that has it, if the option `name` gives it one. */
  readonly consumer: string | undefined
}

/** What an error may carry beside its message. */
export interface ErrorDetails {
  /** The error that led to this one. */
  readonly cause?: unknown
  /** The places that are wrong, for invalid values and schemas. */
  readonly issues?: readonly Issue[]
  /** How many messages were lost with what is reported; `undefined` if that cannot be known. */
  readonly messages?: number
  /** The topic that is concerned. */
  readonly topic?: string
  /** Whether a call may have run. */
  readonly executed?: 'no' | 'maybe'
  /** The delivery of a durable queue that is concerned. */
  readonly delivery?: DeliveryDetails
}

/** An error with a stable code; what it says may change, its code does not. */
export class RivuletError extends Error {
  /** The stable code; see `docs/reference/errors.md`. */
  readonly code: ErrorCode
  /** Whether the same action may succeed later without a change by the caller. */
  readonly retryable: boolean
  /** The places that are wrong, for invalid values and schemas; else empty. */
  readonly issues: readonly Issue[]
  /** How many messages were lost with what is reported; `undefined` if none, or if that cannot be known. */
  readonly messages: number | undefined
  /** The topic that is concerned, if one is. */
  readonly topic: string | undefined
  /** For the outcome of a call, whether its handler may have run: `no` is certain. Else `undefined`. */
  readonly executed: 'no' | 'maybe' | undefined
  /** The delivery of a durable queue that is concerned, if one is: its queue, position, attempt, id and consumer. */
  readonly delivery: DeliveryDetails | undefined

  /**
   * Makes an error; applications receive errors and seldom make them.
   *
   * @param code - One of the closed list.
   * @param message - Names the subject and the received value, never payload bytes.
   * @param details - The cause and what else the error carries; what is left out is empty or `undefined`.
   */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.retryable = errorCodes[code].retryable
    this.issues = details.issues ?? []
    this.messages = details.messages
    this.topic = details.topic
    this.executed = details.executed
    this.delivery = details.delivery
  }

  static {
    Object.defineProperty(RivuletError.prototype, brand, { value: true })
    Object.defineProperty(RivuletError.prototype, 'name', { value: 'RivuletError' })
  }
}

/**
 * Tells whether a value is an error of Rivulet, also one of another copy of the package; narrows by code.
 *
 * Never throws, whatever the value: one that cannot be inspected, such as a revoked proxy, is none.
 *
 * @param value - Any value.
 * @param code - The {@link ErrorCode} that the error must have; any, if it is left out.
 */
export function isRivuletError<Code extends ErrorCode = ErrorCode>(
  value: unknown,
  code?: Code,
): value is RivuletError & {
  /** The code that was asked for. */
  readonly code: Code
} {
  if (typeof value !== 'object' || value === null) return false
  try {
    return brand in value && (code === undefined || (value as unknown as RivuletError).code === code)
  } catch {
    return false
  }
}
