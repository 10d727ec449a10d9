/** Peers that would take all file descriptors of a process are refused; what is connected stays, and so does the process. */
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import * as zmq from 'zeromq'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { Lab } from '../rpc/lab.js'
import { place } from '../support/transports.js'
import { LimitedProcess, limit } from './limited-process.js'

const program = 'test/socket/few-descriptors-process.ts'

/** Connections that are opened between two looks at the server. */
const step = 5

interface State {
  readonly reports: readonly string[]
  readonly connected: number
  readonly refused: number
}

/** How the server is doing, as soon as its event loop has turned. */
async function look(server: LimitedProcess): Promise<State> {
  server.write('look')
  return JSON.parse(await server.line())
}

const refusals = ({ reports }: State) => reports.filter((report) => report.includes('new peers are refused'))

t.test('tcp: new peers are refused, and an established client notices nothing', async (t) => {
  const { runtime } = place(t, 'tcp')
  const server = new LimitedProcess(t, program, 'tcp://127.0.0.1:*')
  const endpoint = await server.line()
  const established = await createRpcClient(Lab, { connect: endpoint, runtime })
  const errors: string[] = []
  established.errors.subscribe(({ code }) => errors.push(code))
  t.equal((await established.promises.get({ id: 0 })).id, 0)
  const context = new zmq.Context({ maxSockets: 4 * limit })
  const peers: zmq.Dealer[] = []
  const leave = () => {
    for (const peer of peers.splice(0)) peer.close()
  }
  t.teardown(leave)
  let calls = 0
  for (let state = await look(server); peers.length < 2 * limit; state = await look(server)) {
    for (let count = 0; count < step; count++) {
      // each tries again and again
      const peer = new zmq.Dealer({ context, linger: 0, reconnectInterval: 1 })
      peer.connect(endpoint)
      peers.push(peer)
    }
    t.equal((await established.promises.get({ id: calls })).id, calls++)
    t.ok(state.connected < limit)
  }
  const state = await look(server)
  t.ok(state.refused > 0, `${state.refused} were refused`)
  t.equal(refusals(state).length, 1, 'which is reported once')
  t.match(refusals(state)[0], /^RIVULET_TOO_MANY_SOCKETS .* of 128 file descriptors are in use/)
  t.strictSame([errors, established.stats().sessions], [[], 1])
  leave()
  const late = await createRpcClient(Lab, { connect: endpoint, runtime })
  late.errors.subscribe() // it may be refused at first
  t.equal((await late.promises.get({ id: 5 })).id, 5, 'new peers are admitted again')
})

t.test('ipc: the listener is taken away before the library aborts the process, and comes back', async (t) => {
  const { runtime } = place(t, 'ipc')
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 's')
  const server = new LimitedProcess(t, program, `ipc://${path}`)
  const endpoint = await server.line()
  const established = await createRpcClient(Lab, { connect: endpoint, runtime })
  t.equal((await established.promises.get({ id: 0 })).id, 0)
  const peers: Socket[] = []
  const ends: Promise<unknown>[] = []
  let state = await look(server)
  for (; refusals(state).length === 0 && peers.length < 2 * limit; state = await look(server)) {
    for (let count = 0; count < step; count++) {
      const peer = connect(path)
      peer.resume().on('error', () => {}) // who comes late finds no listener
      ends.push(new Promise((resolve) => peer.once('close', resolve)))
      peers.push(peer)
    }
  }
  t.ok(peers.length < limit, `after ${peers.length} connections`)
  t.match(refusals(state), [/^RIVULET_TOO_MANY_SOCKETS /])
  await Promise.all(ends)
  t.pass('all of them are ended')
  t.equal((await established.promises.peek({ id: 1 })).id, 1, 'the session of the established client continues')
  t.equal(established.stats().sessions, 1)
  const late = await createRpcClient(Lab, { connect: endpoint, runtime })
  t.equal((await late.promises.get({ id: 5 })).id, 5)
  t.match(await look(server), { connected: 2 })
  t.equal(server.child.exitCode, null)
})

t.test(
  'ipc: the library accepts 2,000 connections before the events of the first are read, and then waits',
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'rivulet-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, 's')
    const program = { source: 'test/socket/blocked-process.ts', descriptors: 2500 }
    const server = new LimitedProcess(t, program, `ipc://${path}`)
    await server.line()
    const peers: Socket[] = []
    t.teardown(() => {
      for (const peer of peers) peer.destroy()
    })
    const attempt = () =>
      new Promise<boolean>((resolve) => {
        const peer = connect(path, () => {
          peers.push(peer)
          resolve(true)
        })
        peer.resume().on('error', () => resolve(false))
      })
    // those beyond wait in the queue of the listener, which takes about a hundred
    while (peers.length < 2100 && server.child.exitCode === null && server.child.signalCode === null) await attempt()
    for (let more = 0; more < 400; more++) await attempt()
    t.ok(peers.length < 2200, `${peers.length} are connected or wait`)
    server.write('continue')
    const inUse = Number(await server.line())
    t.ok(inUse > 2000 && inUse < 2100, `${inUse} descriptors are in use`)
    server.child.stdin?.end()
    t.strictSame(await server.exit, [0, null])
  },
)
