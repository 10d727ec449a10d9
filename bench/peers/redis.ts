/**
 * Redis from the system's package, which stores nothing.
 */
import { execFileSync } from 'node:child_process'
import { makeFolder } from '../clean-up.js'
import { findProgram, freePorts, Program, type Start, startServer } from './program.js'

/** Finds Redis; returns why not, where it is not installed. */
export function findRedis(): Start | string {
  const file = findProgram('redis-server')
  if (!file) return 'not installed: apt-get install redis-server'
  const [version] = /(?<=v=)\S+/.exec(execFileSync(file, ['--version'], { encoding: 'utf8' })) ?? ['']
  return () =>
    startServer(async (use) => {
      const { path } = use(makeFolder())
      const [port = 0] = await freePorts(1)
      const settings = { port, bind: '127.0.0.1', dir: path, save: '', appendonly: 'no' }
      const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
      const server = use(new Program(file, args))
      await server.says(/Ready to accept connections/)
      return {
        endpoints: [`redis://127.0.0.1:${port}`],
        about: `redis-server ${version}, its default settings, nothing stored`,
        cpuMs: () => server.cpuMs(),
      }
    })
}
