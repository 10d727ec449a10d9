/**
 * Mosquitto from the system's package, which stores nothing.
 */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../clean-up.js'
import { findProgram, freePorts, Program, type Start, startServer } from './program.js'

/** Finds Mosquitto; returns why not, where it is not installed. */
export function findMosquitto(): Start | string {
  const file = findProgram('mosquitto')
  if (!file) return 'not installed: apt-get install mosquitto'
  return () =>
    startServer(async (use) => {
      const { path } = use(makeFolder())
      const [port = 0] = await freePorts(1)
      const configuration = join(path, 'mosquitto.conf')
      writeFileSync(configuration, `listener ${port} 127.0.0.1\nallow_anonymous true\n`)
      // started by root, it becomes another user
      chmodSync(path, 0o755)
      const server = use(new Program(file, ['-c', configuration]))
      const [[version]] = await Promise.all([server.says(/mosquitto version \S+/), server.says(/running$/)])
      return {
        endpoints: [`mqtt://127.0.0.1:${port}`],
        about: `${version.replace(' version', '')}, its default settings, nothing stored`,
        cpuMs: () => server.cpuMs(),
      }
    })
}
