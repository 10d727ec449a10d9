/**
 * What users build on a directory: views that survive the restart of all hosts, and RPC clients that follow their servers.
 *
 * The soak `directory-kills` has the same with processes that are killed.
 */
import t from 'tap'
import { createDirectory, createDirectoryHost, type Directory } from '../../patterns/directory/index.js'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { until } from '../support/events.js'
import { place } from '../support/transports.js'
import { Which } from './which.js'

/** Two hosts, and directories that know both. */
async function openHosts({ runtime }: ReturnType<typeof place>, graceMs: number) {
  const bind = 'tcp://127.0.0.1:*'
  let hosts = await Promise.all([1, 2].map(() => createDirectoryHost({ bind, runtime, graceMs })))
  const connect = hosts.map(({ endpoint }) => endpoint)
  return {
    hosts: () => hosts,
    directory: () => createDirectory({ connect, runtime }),
    /** Ends both without a word to their clients, and starts them again at their endpoints. */
    async restart() {
      await Promise.all(hosts.map((host) => host.close({ drain: false })))
      hosts = await Promise.all(connect.map((endpoint) => createDirectoryHost({ bind: endpoint, runtime, graceMs })))
    },
  }
}

function openServer({ runtime }: ReturnType<typeof place>, name: string, bind = 'tcp://127.0.0.1:*') {
  return createRpcServer({ bind, runtime, services: [implement(Which, { server: () => name })] })
}

t.test(
  'both hosts restart under load, and nothing that lives is missing before or after the grace period',
  async (t) => {
    const at = place(t, 'tcp')
    const { hosts, directory, restart } = await openHosts(at, 2000)
    const directories: Directory[] = await Promise.all([1, 2, 3, 4].map(directory))
    const server = await openServer(at, 'kept')
    const names = directories.map((_, index) => `kept ${index}`)
    await Promise.all(directories.map((one, index) => one.announce(names[index] as string, server)))
    const lost: string[] = []
    const seen = new Set<string>()
    for (const [at, one] of directories.entries()) {
      for (const name of names) {
        one.entries(name).subscribe((entries) => {
          const key = `${at} sees ${name}`
          if (entries.length > 0) seen.add(key)
          else if (seen.has(key)) lost.push(key)
        })
      }
    }
    await until(() => seen.size === names.length * directories.length)
    let isOver = false
    let rounds = 0
    // others come and go meanwhile
    const load = (async () => {
      for (; !isOver; rounds++) {
        const announcements = await Promise.all(directories.map((one) => one.announce('passing', server)))
        await Promise.all(announcements.map((announcement) => announcement.close()))
      }
    })()
    for (const _ of [1, 2]) {
      await restart()
      await until(() => hosts().every((host) => host.stats().settled && host.stats().announcements >= names.length))
    }
    isOver = true
    await load
    t.ok(rounds > 2, `${rounds} rounds of load`)
    t.strictSame(lost, [])
    const fresh = await directory()
    const complete = new Set<string>()
    for (const name of names) fresh.entries(name).subscribe(({ length }) => length === 1 && complete.add(name))
    await until(() => complete.size === names.length)
    t.strictSame(
      hosts().map((host) => host.stats().announcements),
      [names.length, names.length],
      'what has passed is gone',
    )
  },
)

t.test('an RPC client follows a server that moves to another port, without a failed call', async (t) => {
  const at = place(t, 'tcp')
  const { directory } = await openHosts(at, 10_000)
  const [announcing, looking] = await Promise.all([directory(), directory()])
  const first = await openServer(at, 'first')
  const announcement = await announcing.announce('which', first)
  const client = await createRpcClient(Which, { connect: looking.endpoints('which'), runtime: at.runtime })
  const answers = new Set<string>()
  let isOver = false
  const load = Promise.all(
    Array.from({ length: 8 }, async () => {
      while (!isOver) answers.add(await client.promises.server({}))
    }),
  )
  await until(() => answers.has('first'))
  const second = await openServer(at, 'second')
  await announcing.announce('which', second)
  await until(() => answers.has('second'))
  await announcement.close()
  await first.close()
  answers.clear()
  await until(() => answers.size > 0)
  isOver = true
  await load
  t.strictSame([...answers], ['second'])
  t.equal(client.stats().failed, 0)
})
