/**
 * The command `rivulet hub`: a hub as a process of its own, until a signal ends it.
 *
 * It reads arguments and prints; `hub.ts` is the hub.
 */
import { parseArgs } from 'node:util'
import { RivuletError } from '../../src/errors/index.js'
import { allowListFile, loadKeyPair, type SecurityOptions } from '../../src/security/index.js'
import { createHub } from './create-hub.js'
import type { Hub } from './hub-api.js'
import type { HubHistoryOptions } from './hub-options.js'

/** What `--help` prints. */
export const usage = `Usage: rivulet hub --publishers <endpoint> --subscribers <endpoint> [options]

Forwards the messages of any number of publishers to any number of subscribers, until SIGTERM or SIGINT. Publishers connect to
the endpoint of --publishers, subscribers to that of --subscribers. Each option of an endpoint may be given several times.

  --publishers <endpoint>           binds for publishers: tcp://127.0.0.1:7001, ipc:///run/hub.sock; port * takes a free one
  --subscribers <endpoint>          binds for subscribers
  --connect-publishers <endpoint>   connects to a publisher, or to the subscribers' side of another hub
  --connect-subscribers <endpoint>  connects to a subscriber, or to the publishers' side of another hub
  --history-bytes <number>          what is kept of forwarded messages, in bytes; 0 keeps nothing; 67108864 if left out
  --history-path <folder>           keeps it on disk, over a restart
  --key-pair <file>                 the keys of the hub, as saveKeyPair writes them: all connections are encrypted
  --allow <file>                    who is admitted where the hub binds, as allowListFile reads it; needed with --key-pair
  --server-key <key>                the public key of what the hub connects to; needed with --key-pair
  --insecure                        binds where other machines can reach it, without keys
  --json                            prints the endpoints as one line of JSON
  --help                            print this
`

const endpoints = { type: 'string', multiple: true, default: [] as string[] } as const
const options = {
  publishers: endpoints,
  subscribers: endpoints,
  'connect-publishers': endpoints,
  'connect-subscribers': endpoints,
  'history-bytes': { type: 'string' },
  'history-path': { type: 'string' },
  'key-pair': { type: 'string' },
  allow: { type: 'string' },
  'server-key': { type: 'string' },
  insecure: { type: 'boolean' },
  json: { type: 'boolean' },
} as const

/**
 * Runs the command with the arguments behind its name: resolves when the hub is closed.
 *
 * @error RIVULET_INVALID_OPTION for wrong arguments, and what `createHub` rejects with.
 */
export async function run(args: readonly string[]): Promise<void> {
  const values = readArguments(args)
  const side = async (bind: readonly string[], connect: readonly string[]) => ({
    ...(bind.length > 0 && { bind, ...(values.insecure && { insecure: true }) }),
    ...(connect.length > 0 && { connect }),
    ...(await securityOf(values, bind.length > 0, connect.length > 0)),
  })
  const hub = await createHub({
    publishers: await side(values.publishers, values['connect-publishers']),
    subscribers: await side(values.subscribers, values['connect-subscribers']),
    history: historyOf(values),
  })
  const ended = untilSignal(hub)
  hub.errors.subscribe((error) => process.stderr.write(`rivulet: ${error.code} ${error.message}\n`))
  process.stdout.write(describe(hub, values.json ?? false))
  await ended
}

type Arguments = ReturnType<typeof readArguments>

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options }).values
  } catch (cause) {
    throw new RivuletError('RIVULET_INVALID_OPTION', (cause as Error).message, { cause })
  }
}

function historyOf({ 'history-bytes': bytes, 'history-path': path }: Arguments): HubHistoryOptions | false {
  if (bytes === '0' && path === undefined) return false
  return { ...(bytes !== undefined && { maxBytes: Number(bytes) }), ...(path !== undefined && { path }) }
}

async function securityOf(
  values: Arguments,
  binds: boolean,
  connects: boolean,
): Promise<{ readonly security?: SecurityOptions }> {
  const { 'key-pair': file, allow, 'server-key': serverKey } = values
  if (file === undefined) {
    if (allow === undefined && serverKey === undefined) return {}
    throw new RivuletError('RIVULET_INVALID_OPTION', '--allow and --server-key need --key-pair')
  }
  const keyPair = await loadKeyPair(file)
  const admits = binds && allow !== undefined && { allow: allowListFile(allow) }
  return { security: { keyPair, ...admits, ...(connects && serverKey !== undefined && { serverKey }) } }
}

function describe({ publishers, subscribers }: Hub, isJson: boolean): string {
  const sides = { publishers: publishers.endpoints, subscribers: subscribers.endpoints }
  if (isJson) return `${JSON.stringify(sides)}\n`
  return Object.entries(sides)
    .flatMap(([name, bound]) => bound.map((endpoint) => `${name} ${endpoint}\n`))
    .join('')
}

/** Resolves when the hub is closed: by the first signal in order, by a second one at once. */
async function untilSignal(hub: Hub): Promise<void> {
  const signals = ['SIGTERM', 'SIGINT'] as const
  const close = () => {
    for (const signal of signals) process.removeListener(signal, close)
    void hub.close()
  }
  for (const signal of signals) process.on(signal, close)
  await hub.whenClosed
}
