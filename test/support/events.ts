/** Waiting for what an observable, a stream or a condition brings; every wait has the time limit of the test alone. */
import { setTimeout } from 'node:timers/promises'
import { filter, firstValueFrom, type Observable, take, toArray } from 'rxjs'
import type { LinkChange, LinkState } from '../../src/resource/index.js'

/** The first value that fits; rejects if the observable ends before. */
export function first<T>(source: Observable<T>, fits: (value: T) => boolean = () => true): Promise<T> {
  return firstValueFrom(source.pipe(filter(fits)))
}

/** The first so many values. */
export function firstFew<T>(source: Observable<T>, count: number): Promise<T[]> {
  return firstValueFrom(source.pipe(take(count), toArray()))
}

/** Resolves at the next link of this state. */
export function linkState(resource: { readonly links: Observable<LinkChange> }, state: LinkState): Promise<LinkChange> {
  return first(resource.links, (change) => change.state === state)
}

/** Turns of the event loop in which a condition is looked at before looks become rarer, so that waiting takes no processor. */
const quickLooks = 2000

/** Resolves when a condition holds, looked at again and again: for what announces itself nowhere. */
export async function until(condition: () => boolean): Promise<void> {
  for (let looks = 0; !condition(); looks++) await (looks < quickLooks ? turn() : setTimeout(1))
}

/** Lets the event loop turn once. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** The codes of the errors that a resource reports, as they come. */
export function codesOf(resource: { readonly errors: Observable<{ readonly code: string }> }): string[] {
  const codes: string[] = []
  resource.errors.subscribe(({ code }) => codes.push(code))
  return codes
}

/** Sum of all reasons. */
export function total(reasons: Readonly<Record<string, number>>): number {
  return Object.values(reasons).reduce((sum, count) => sum + count, 0)
}
