/**
 * A folder for the time of a run. What is in it is not known here.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A temporary folder; disposing of it removes it with everything in it. */
export class TemporaryFolder implements AsyncDisposable {
  readonly path: string

  static async make(): Promise<TemporaryFolder> {
    return new TemporaryFolder(await mkdtemp(join(tmpdir(), 'rivulet-demo-')))
  }

  private constructor(path: string) {
    this.path = path
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.path, { recursive: true, force: true, maxRetries: 3 })
  }
}
