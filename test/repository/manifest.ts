/** package.json as the checks of the repository read it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../tools/build.js'

/** What the checks need of package.json. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly bin: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

/** This repository's package.json. */
export const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** The specifiers that users import code by: `rivulet`, `rivulet/avro`, …; package.json itself is none. */
export const entries: readonly string[] = Object.keys(manifest.exports)
  .filter((path) => !path.endsWith('.json'))
  .map((path) => manifest.name + path.slice(1))
