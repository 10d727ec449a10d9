/**
 * Debian packages that some tests need beside Node, and whether this machine has them.
 *
 * Without them those tests are skipped, with the names of the missing packages as the reason; the summary of `npm test`
 * counts the reasons. With `CI=true` a missing package is an error. Nothing else in the tests looks for a package.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** The Python that has Debian's packages; another one that comes first in `PATH` does not. */
export const python = '/usr/bin/python3'

/** Debian's browser. */
export const chromium = '/usr/bin/chromium'

const probes = {
  python3: () => succeeds(python, '-c', ''),
  'python3-zmq': () => hasModule('zmq'),
  'python3-avro': () => hasModule('avro'),
  openssl: () => succeeds('openssl', 'version'),
  'netcat-openbsd': () => succeeds('sh', '-c', 'nc -h 2>&1 | grep -q OpenBSD'),
  socat: () => succeeds('socat', '-V'),
  chromium: () => existsSync(chromium),
}

/** The name of a package that a test may need. */
export type SystemPackage = keyof typeof probes

/** What the answer depends on; tests of this file replace it. */
export interface Machine {
  readonly isInstalled: (name: SystemPackage) => boolean
  /** Whether each package must be there. */
  readonly isComplete: boolean
}

const thisMachine: Machine = {
  isInstalled: (name) => probes[name](),
  isComplete: process.env.CI === 'true',
}

/**
 * The options of a tap test that needs packages: it is skipped where one is missing.
 *
 * @throws Error if one is missing and `CI=true`
 */
export function withPackages(
  names: readonly SystemPackage[],
  machine = thisMachine,
): { readonly skip: string | false } {
  const missing = names.filter((name) => !machine.isInstalled(name))
  if (missing.length === 0) return { skip: false }
  const reason = `missing packages: ${missing.join(', ')}`
  if (machine.isComplete) throw new Error(`${reason}; CI=true requires them, and .ci/run installs them`)
  return { skip: reason }
}

/** Finds a module without loading it. */
function hasModule(name: string): boolean {
  return succeeds(python, '-c', `import importlib.util, sys; sys.exit(importlib.util.find_spec('${name}') is None)`)
}

function succeeds(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0
}
