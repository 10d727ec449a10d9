/**
 * NATS JetStream from the system's package, with a configuration of its own.
 *
 * It confirms before it flushes: how long that may take is its setting `sync_interval`. Versions before 2.10 do not know
 * the setting; there, a folder whose files are written synchronously stands for `always`.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../clean-up.js'
import { findProgram, Program, type Start, startServer } from './program.js'

/** When it flushes: at its default interval, or before it confirms. */
export type Sync = 'default' | 'always'

/** What makes it flush before it confirms. */
type Means = 'sync_interval: always' | 'chattr +S'

/** Finds the server; returns why not, where it cannot be measured. */
export function findNats(sync: Sync): Start | string {
  const file = findProgram('nats-server')
  if (!file) return 'not installed: apt-get install nats-server'
  const means = sync === 'always' ? findMeans(file) : undefined
  const version = execFileSync(file, ['--version'], { encoding: 'utf8' }).trim()
  if (sync === 'always' && !means) return `${version} knows no sync_interval, and chattr +S does not work here`
  const how =
    means === 'chattr +S'
      ? 'every write synchronous (chattr +S: it knows no sync_interval)'
      : (means ?? 'its own sync_interval')
  return () =>
    startServer(async (use) => {
      const { path } = use(makeFolder())
      const configuration = configure(path, means)
      const server = use(new Program(file, ['--config', configuration]))
      const [[, endpoint = '']] = await Promise.all([
        server.says(/Listening for client connections on (\S+)/),
        server.says(/Server is ready/),
      ])
      return { endpoints: [endpoint], about: `${version}, ${how}`, cpuMs: () => server.cpuMs() }
    })
}

function findMeans(file: string): Means | undefined {
  using folder = makeFolder()
  const configuration = configure(folder.path, 'sync_interval: always')
  if (spawnSync(file, ['-t', '--config', configuration]).status === 0) return 'sync_interval: always'
  return spawnSync('chattr', ['+S', folder.path]).status === 0 ? 'chattr +S' : undefined
}

/** Writes the configuration; returns its file. */
function configure(path: string, means: Means | undefined): string {
  const data = join(path, 'data')
  mkdirSync(data)
  if (means === 'chattr +S') execFileSync('chattr', ['+S', data])
  const sync = means === 'sync_interval: always' ? means : ''
  const file = join(path, 'nats.conf')
  writeFileSync(file, `listen: "127.0.0.1:-1"\njetstream {\n  store_dir: "${data}"\n  ${sync}\n}\n`)
  return file
}
