/** The stores that the contract holds for, and small things that tests of stores need. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryStore, openLmdbStore, type Store } from '../../src/store/index.js'

/** A folder that goes away with the test. */
export function temporaryFolder(t: { teardown(callback: () => unknown): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-store-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** How each kind of store is made, with a bound of about this many bytes. */
export const stores: Readonly<Record<string, (folder: string, maxBytes: number) => Promise<Store>>> = {
  lmdb: (path, maxBytes) => openLmdbStore({ path, maxBytes }),
  memory: async (_, maxBytes) => createMemoryStore({ maxBytes }),
}

export const bytes = (...values: number[]): Buffer => Buffer.from(values)

/** The keys and values of records as readable texts. */
export function texts(records: Iterable<{ key: Uint8Array; value: Uint8Array }>): string[] {
  return [...records].map(
    ({ key, value }) => `${Buffer.from(key).toString('hex')}=${Buffer.from(value).toString('latin1')}`,
  )
}
