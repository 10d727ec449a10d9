/**
 * RabbitMQ from the system's package, with nothing of the system's own configuration or state.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../clean-up.js'
import { findProgram, freePorts, Program, type Start, startServer } from './program.js'

/** Finds RabbitMQ; returns why not, where it is not installed. */
export function findRabbitmq(): Start | string {
  // the script of that name on the path changes the user, which only root may
  const file = findProgram('rabbitmq-server')
  const epmd = findProgram('epmd')
  if (!file || !epmd) return 'not installed: apt-get install rabbitmq-server'
  return () =>
    startServer(async (use) => {
      const { path } = use(makeFolder())
      const [port = 0, nodesPort = 0, namesPort = 0] = await freePorts(3)
      const write = (name: string, ...lines: string[]): string => {
        writeFileSync(join(path, name), `${lines.join('\n')}\n`)
        return join(path, name)
      }
      const env = {
        // where the secret of the node is kept
        HOME: path,
        ERL_EPMD_PORT: String(namesPort),
        ERL_EPMD_ADDRESS: '127.0.0.1',
        RABBITMQ_NODENAME: 'bench@localhost',
        RABBITMQ_DIST_PORT: String(nodesPort),
        RABBITMQ_MNESIA_BASE: join(path, 'data'),
        RABBITMQ_LOG_BASE: join(path, 'log'),
        RABBITMQ_LOGS: '-',
        RABBITMQ_PID_FILE: join(path, 'pid'),
        RABBITMQ_CONF_ENV_FILE: write('rabbitmq-env.conf'),
        RABBITMQ_CONFIG_FILE: write('rabbitmq.conf', `listeners.tcp.1 = 127.0.0.1:${port}`, 'log.console = true'),
        RABBITMQ_ADVANCED_CONFIG_FILE: write('advanced.config', '[].'),
        RABBITMQ_ENABLED_PLUGINS_FILE: write('enabled_plugins', '[].'),
      }
      // else the node starts one that stays
      await use(new Program(epmd, ['-d', '-port', String(namesPort), '-address', '127.0.0.1'])).says(/epmd running/)
      const server = use(new Program(file, [], env))
      const [[version]] = await Promise.all([
        server.says(/(?<=Starting )RabbitMQ \S+ on Erlang \S+/),
        server.says(/Server startup complete/),
      ])
      return { endpoints: [`amqp://guest:guest@127.0.0.1:${port}`], about: `${version}, its default settings` }
    })
}
