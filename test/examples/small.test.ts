/**
 * The small examples run, end by themselves, and show what they are there to show.
 */
import t from 'tap'
import { build } from '../../tools/build.js'
import { complaint } from '../child-process.js'
import { runExample } from './demo-run.js'

t.before(build)

t.test('queue: two workers share the work', async (t) => {
  const ended = await runExample('queue.ts')
  t.equal(complaint(ended), undefined)
  t.equal(ended.stderr, '')
  const [all, parts = ''] = ended.stdout.split('\n')
  t.equal(all, '168 of the numbers below 1000 are prime')
  const [first = 0, second = 0] =
    /^(\d+) found by the first worker, (\d+) by the second$/.exec(parts)?.slice(1).map(Number) ?? []
  t.equal(first + second, 168)
  t.ok(first > 0 && second > 0)
})

t.test('directory: two instances are found, also with one host, and one is withdrawn', async (t) => {
  const ended = await runExample('directory.ts')
  t.equal(complaint(ended), undefined)
  t.equal(ended.stderr, '')
  t.strictSame(ended.stdout.trim().split('\n'), [
    "there are [ 'east', 'west' ]",
    "with one host [ 'east', 'west' ]",
    "without the one that was withdrawn [ 'east' ]",
    'the host is back at its endpoint',
  ])
})

t.test('durable queue: each order is known once, done once, or put aside', async (t) => {
  const ended = await runExample('durable-queue.ts')
  t.equal(complaint(ended), undefined)
  t.equal(ended.stderr, '')
  t.strictSame(ended.stdout.trim().split('\n'), [
    'the second order-1 is known already',
    '4 orders wait',
    'failed: the printer is out of paper',
    'invoice 0 for Ada, attempt 1',
    'invoice 1 for Grace, attempt 2',
    'invoice 3 for Edsger, attempt 1',
    'order 2 is put aside',
    'set aside: order 2, since the order has no customer',
  ])
})

t.test('pubsub: the rooms of one floor are heard, each in order', async (t) => {
  const ended = await runExample('pubsub.ts')
  t.equal(complaint(ended), undefined)
  t.equal(ended.stderr, '')
  const lines = ended.stdout.trim().split('\n')
  t.strictSame(
    lines.filter((line) => line.includes('bath')),
    ['house.upstairs.bath #1: 23 °C', 'house.upstairs.bath #2: 22.5 °C'],
  )
  t.strictSame(
    lines.filter((line) => !line.includes('bath')),
    ['house.upstairs.study #1: 19.5 °C'],
  )
})

t.test('hub: two sensors reach a dashboard by it, each in order', async (t) => {
  const ended = await runExample('hub.ts')
  t.equal(complaint(ended), undefined)
  t.equal(ended.stderr, '')
  t.strictSame(ended.stdout.trim().split('\n'), [
    'rivers.elbe.dresden #1: 1.4 m',
    'rivers.elbe.dresden #2: 1.5 m',
    'rivers.rhine.bonn #1: 2.8 m',
    'rivers.rhine.bonn #2: 2.9 m',
    'forwarded 4, and kept 4 messages of 2 sensors',
  ])
})

t.test('market data: a late program gets the whole day, and a dashboard the latest prices', async (t) => {
  const ended = await runExample('market-data.ts')
  t.equal(complaint(ended), undefined)
  t.equal(ended.stderr, '')
  const [shown, conflated = '', ...late] = ended.stdout.trim().split('\n')
  t.equal(shown, 'the dashboard shows { acme: 100, globex: 100, umbrella: 100 }')
  const [, count = ''] = /^it has left out (\d+) of 300 ticks$/.exec(conflated) ?? []
  t.ok(Number(count) > 0, conflated)
  t.strictSame(late, [
    '300 ticks of the morning, and then live',
    'ticks.acme #101: 101',
    'ticks.globex #101: 101',
    'ticks.umbrella #101: 101',
  ])
})

t.test('rpc: the shop sells what it has, and says so to those who follow', async (t) => {
  const ended = await runExample('rpc.ts')
  t.equal(complaint(ended), undefined)
  t.equal(ended.stderr, '')
  t.strictSame(ended.stdout.trim().split('\n'), [
    '2 × umbrella',
    'price 12.5',
    'not for 5',
    'yours for 11',
    '1 × umbrella',
    '0 × umbrella',
    'no umbrella any more',
    'total 3.5',
  ])
})

t.test('security: who is known does what it may, until its key is revoked', async (t) => {
  const ended = await runExample('security.ts')
  t.equal(complaint(ended), undefined)
  t.equal(ended.stderr, '')
  t.strictSame(ended.stdout.trim().split('\n'), [
    "the fingerprint of alice's key has 29 characters",
    'alice reads: a label, for alice',
    'alice opens: open, for alice',
    'bob reads: a label, for bob',
    'the vault: bob denied, example.Vault.open',
    'bob opens: RIVULET_PERMISSION_DENIED',
    'an unknown key: RIVULET_UNAUTHENTICATED',
    'the vault: alice revoked, its links',
    "alice's stream: RIVULET_UNAUTHENTICATED",
    'bob reads: a label, for bob',
  ])
})

t.test('messaging: workers get jobs by their names, and one of them leaves and comes back', async (t) => {
  const ended = await runExample('messaging.ts')
  t.equal(complaint(ended), undefined)
  t.equal(ended.stderr, '')
  const lines = ended.stdout.trim().split('\n')
  t.strictSame(
    lines.filter((line) => line.startsWith('worker-2 ') && !line.includes('jobs')),
    ['worker-2 joined', 'worker-2 left', 'worker-2 joined', 'worker-2 left'],
  )
  const done = lines.filter((line) => / by worker-[12]$/.test(line)).map((line) => line.replace(/ by .*/, ''))
  t.strictSame(done.toSorted(), ['job 1: 1', 'job 2: 4', 'job 3: 9', 'job 4: 16', 'job 5: 25'])
  t.ok(lines.includes('job 6 went to 2 workers'))
})
