/**
 * Declared errors: those that a method of a service may answer with, each with a value of its own schema.
 *
 * They are no `RivuletError`: the service defines what they mean. A brand holds the hash of the service, so that
 * two copies of the package recognise each other's, and two versions of a service do not mistake theirs.
 */

const brand = Symbol.for('rivulet.declared-error')

/** An error that a method of a service declares: thrown by its handler, received by its caller. */
export interface DeclaredError<Name extends string = string, Value = unknown> extends Error {
  /** The full name of the service. */
  readonly service: string
  /** The method. */
  readonly method: string
  /** The name of the error, as the method declares it. */
  readonly errorName: Name
  /** What the error says. */
  readonly value: Value
}

/** The method that an error belongs to. */
export interface ErrorOrigin {
  readonly service: string
  readonly hash: string
  readonly method: string
}

class DeclaredServiceError extends Error implements DeclaredError {
  readonly service: string
  readonly method: string
  readonly errorName: string
  readonly value: unknown

  constructor(origin: ErrorOrigin, errorName: string, value: unknown) {
    super(`${origin.service}.${origin.method} failed with ${errorName}`)
    this.service = origin.service
    this.method = origin.method
    this.errorName = errorName
    this.value = value
    Object.defineProperty(this, brand, { value: origin.hash })
  }

  static {
    Object.defineProperty(DeclaredServiceError.prototype, 'name', { value: 'DeclaredError' })
  }
}

/** Makes an error of a value that fits. */
export function makeDeclaredError(origin: ErrorOrigin, errorName: string, value: unknown): DeclaredError {
  return new DeclaredServiceError(origin, errorName, value)
}

/** Tells whether a value is a declared error of the method. Throws what the value throws, as the others here do. */
export function isDeclaredBy(origin: ErrorOrigin, error: unknown): error is DeclaredError {
  return isOfVersion(origin, error) && error.method === origin.method
}

/** Tells whether a value is a declared error of any method of this version of the service. */
export function isOfVersion(origin: ErrorOrigin, error: unknown): error is DeclaredError {
  return isDeclared(error) && (error as { [brand]?: unknown })[brand] === origin.hash
}

/** Tells whether a value is a declared error, of whatever service. */
export function isDeclared(error: unknown): error is DeclaredError {
  return typeof error === 'object' && error !== null && brand in error && 'method' in error
}
