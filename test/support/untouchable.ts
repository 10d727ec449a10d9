/** Values that throw when they are looked at: what a handler may return or throw, and must end nothing but its own work. */

import { Observable } from 'rxjs'
import type { Test } from 'tap'
import { RivuletError } from '../../src/errors/index.js'

/** Throws, whatever it is called as. */
export const broken = (): never => {
  throw new Error('not to be touched')
}

/** An object with getters that throw. */
export const throwing = (...members: PropertyKey[]): object =>
  Object.defineProperties({}, Object.fromEntries(members.map((member) => [member, { get: broken }])))

/** A proxy that is revoked. */
export const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** A proxy that throws whatever is done to it. */
export const hostile = (target: object = {}): object =>
  new Proxy(
    target,
    Object.fromEntries(
      ['get', 'has', 'getPrototypeOf', 'ownKeys', 'getOwnPropertyDescriptor'].map((trap) => [trap, broken]),
    ),
  )

class LyingPromise extends Promise<unknown> {
  // biome-ignore lint/suspicious/noThenProperty: it is what this promise does wrong
  override then = broken
}

/** Makes of each kind; some can be used once. */
export const untouchables: Readonly<Record<string, () => unknown>> = {
  'a revoked proxy': revoked,
  'a proxy that throws': hostile,
  'a getter of then': () => throwing('then'),
  'a getter of subscribe': () => throwing('subscribe'),
  'a getter of Symbol.observable': () => throwing('@@observable', Symbol.observable ?? '@@observable'),
  'a getter of Symbol.asyncIterator': () => throwing(Symbol.asyncIterator),
  'a getter of Symbol.iterator': () => throwing(Symbol.iterator),
  'a promise without then': () => new LyingPromise(() => {}),
  'a promise without a constructor': () => Object.defineProperty(Promise.resolve(1), 'constructor', { get: broken }),
  'an observable that throws': () => new Observable(broken),
  'an object that looks like an observable': () => ({ subscribe: broken }),
  'getters of an error, and toString': () =>
    Object.assign(throwing('message', 'cause', 'stack', 'name'), { toString: broken }),
  'an error of Rivulet that throws': () => hostile(new RivuletError('RIVULET_CLOSED', 'x')),
  'an error of Rivulet without a code': () =>
    Object.defineProperty(new RivuletError('RIVULET_CLOSED', 'x'), 'code', { get: broken }),
}

/** Collects rejections that nobody handles, which would end a process, until the test ends. */
export function rejections(t: Test): unknown[] {
  const seen: unknown[] = []
  const listen = (reason: unknown) => seen.push(reason)
  process.on('unhandledRejection', listen)
  t.teardown(() => process.off('unhandledRejection', listen))
  return seen
}
