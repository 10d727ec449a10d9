/** A receiver that is killed and started again: what had left has no outcome or is repeated, and what had not goes to the new one. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { createPeer } from '../../patterns/messaging/index.js'
import { loader, modulePath } from '../child-process.js'
import { until } from '../support/events.js'
import { place } from '../support/transports.js'
import { failure, Report, sight } from './peers.js'

function start(endpoint: string, pace: 'slow' | 'quick'): { child: ChildProcess; said: string[] } {
  const program = modulePath('test/messaging/receiver-process.ts')
  const child = fork(program, [endpoint, pace], { execArgv: [...loader], env: { PATH: process.env.PATH } })
  const said: string[] = []
  child.on('message', (text) => said.push(String(text)))
  return { child, said }
}

t.test('killed and started again', async (t) => {
  const { runtime } = place(t, 'tcp')
  const former = start('tcp://127.0.0.1:*', 'slow')
  t.teardown(() => former.child.kill('SIGKILL'))
  await until(() => former.said.length > 0)
  const endpoint = (former.said[0] as string).slice(3)
  const sender = await createPeer({ name: 'sender', connect: endpoint, runtime })
  sender.errors.subscribe(() => {})
  const seen = sight(sender)
  await sender.send('receiver', Report, { id: 1 })
  await until(() => former.said.includes('got 1'))
  await sender.send('receiver', Report, { id: 2 }) // into the mailbox, and no further
  const inFlight = failure(sender.send('receiver', Report, { id: 3 }))
  const repeated = sender.send('receiver', Report, { id: 4 }, { delivery: 'at-least-once' })
  const later = sender.send('receiver', Report, { id: 5 }, { delivery: 'at-least-once' })
  await until(() => sender.stats().outgoing.sent === 2 && sender.stats().outgoing.pending === 3)
  await sender.send('sender', Report, { id: 0 }) // a turn, in which they leave
  const { incarnation } = sender.peers[0] as { incarnation: string }
  former.child.kill('SIGKILL')
  await once(former.child, 'exit')
  const successor = start(endpoint, 'quick')
  t.teardown(() => successor.child.kill('SIGKILL'))
  t.equal(await inFlight, 'RIVULET_UNKNOWN_OUTCOME maybe')
  await Promise.all([repeated, later])
  await sender.send('receiver', Report, { id: 6 })
  await until(() => successor.said.includes('got 6'))
  t.strictSame(successor.said.slice(1), ['got 4', 'got 5', 'got 6'])
  t.not(sender.peers[0]?.incarnation, incarnation)
  t.strictSame(seen, ['joined receiver', 'complete', 'left receiver', 'joined receiver'])
  t.match(sender.stats().outgoing, { sent: 6, dropped: { 'unknown-outcome': 1 }, pending: 0 })
})

t.test('killed for good: seen as left, and what had left has no outcome', async (t) => {
  const { runtime } = place(t, 'tcp')
  const receiver = start('tcp://127.0.0.1:*', 'slow')
  t.teardown(() => receiver.child.kill('SIGKILL'))
  await until(() => receiver.said.length > 0)
  const sender = await createPeer({ name: 'sender', connect: (receiver.said[0] as string).slice(3), runtime })
  sender.errors.subscribe(() => {})
  const seen = sight(sender)
  await sender.send('receiver', Report, { id: 1 })
  await until(() => receiver.said.includes('got 1'))
  await sender.send('receiver', Report, { id: 2 })
  const late = failure(sender.send('receiver', Report, { id: 3 }, { timeoutMs: 2500 }))
  receiver.child.kill('SIGKILL')
  await until(() => seen.includes('left receiver'))
  t.equal(await failure(sender.send('receiver', Report, { id: 4 }, { waitForReady: false })), 'RIVULET_PEER_GONE no')
  t.equal(await late, 'RIVULET_UNKNOWN_OUTCOME maybe')
})
