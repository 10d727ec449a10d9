/** Lazily: a value that is worked out at its first use, and what it throws, remembered alike. */

/** Returns a function that calls `make` once; later calls return or throw the same. */
export function lazily<T>(make: () => T): () => T {
  let outcome: { readonly value: T } | { readonly error: unknown } | undefined
  return () => {
    outcome ??= attempt(make)
    if ('error' in outcome) throw outcome.error
    return outcome.value
  }
}

function attempt<T>(make: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: make() }
  } catch (error) {
    return { error }
  }
}
