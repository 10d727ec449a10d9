/** What RxJS would throw globally, which would end the process. */
import { config } from 'rxjs'
import type { Test } from 'tap'

/** Collects what RxJS throws globally until the test ends. */
export function uncaught(t: Test): { readonly errors: unknown[]; settled(): Promise<void> } {
  const errors: unknown[] = []
  config.onUnhandledError = (error) => errors.push(error)
  t.teardown(() => {
    config.onUnhandledError = null
  })
  return {
    errors,
    /** Resolves when all that was to be thrown until now was thrown: RxJS does that in a timer. */
    settled: () => new Promise((resolve) => setTimeout(resolve)),
  }
}
