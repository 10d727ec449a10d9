/** Garbage collection on demand, for what must be released: a program need not be started with a flag for it. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Lab } from './lab.js'

/** Collections after which whatever can be collected is. */
const rounds = 4

let collect: (() => void) | undefined

/** Collects whatever can be collected now. */
export function collectGarbage(): void {
  if (!collect) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  collect()
}

/** Checks that nothing holds these objects, apart from what is using them now. */
export async function expectReleased(lab: Lab, refs: readonly WeakRef<object>[], what: string): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await lab.pass(1500)
    collectGarbage()
    // an object that was looked at lives until the end of the turn
    if (refs.every((ref) => ref.deref() === undefined)) return
  }
  const held = refs.filter((ref) => ref.deref() !== undefined).length
  lab.expect(false, `${held} of ${refs.length} ${what} that nobody uses or holds are not released`)
}
