/** A trial is excused only by the known limit of its attack, on its transport, and if that explains every complaint. */
import t from 'tap'
import { limitReached } from './attack.js'
import { attacks } from './attacks/index.js'
import { transportNames } from './patterns.js'

const knownOf = (name: string) => attacks.find((attack) => attack.name === name)?.known
const aborted = 'Error: the victim ended with SIGABRT: Too many open files (src/ipc_listener.cpp:297)'

t.test('what few descriptors mean for an ipc listener is known, over ipc', async (t) => {
  const known = knownOf('descriptors-held')
  t.match(limitReached(known, { pattern: 'rpc', transport: 'ipc' }, [aborted]), /libzmq/)
  t.match(
    limitReached(known, { pattern: 'rpc', transport: 'ipc' }, [
      'honest peers kept 0.00 of their rate',
      'work ended at 0.00 of its rate, for whichever peer',
    ]),
    /libzmq/,
  )
  const lost = (pattern: 'pull' | 'publisher' | 'subscriber' | 'queue') =>
    limitReached(known, { pattern, transport: 'ipc' }, [`${pattern}: messages 5240 to 5259 are missing`])
  for (const pattern of ['pull', 'publisher', 'subscriber'] as const) t.match(lost(pattern), /on its way/)
  t.equal(lost('queue'), undefined)
  t.equal(
    limitReached(known, { pattern: 'rpc', transport: 'tcp' }, ['honest peers kept 0.00 of their rate']),
    undefined,
  )
  t.equal(limitReached(known, { pattern: 'rpc', transport: 'tcp' }, [aborted]), undefined)
  t.equal(
    limitReached(known, { pattern: 'rpc', transport: 'ipc' }, [
      'Error: the victim ended with SIGABRT: Assertion failed',
    ]),
    undefined,
  )
})

t.test('the memory of a message without end is known, and nothing else about it', async (t) => {
  const known = knownOf('endless-message')
  for (const transport of transportNames) {
    t.match(limitReached(known, { pattern: 'pull', transport }, ['memory grew by 428 MiB']), /libzmq/)
    t.equal(
      limitReached(known, { pattern: 'pull', transport }, ['memory grew by 428 MiB', 'a timer was 60 ms late']),
      undefined,
    )
    t.equal(limitReached(known, { pattern: 'pull', transport }, []), undefined, 'what holds is not at a limit')
  }
})

t.test(
  'a push deals work to peers that flood it, which is known of its honest peers, and of no other pattern',
  async (t) => {
    const known = knownOf('flood-reset')
    const kept = 'honest peers kept 0.20 of their rate'
    t.match(limitReached(known, { pattern: 'push', transport: 'tcp' }, [kept]), /every peer that completes a handshake/)
    t.equal(limitReached(known, { pattern: 'subscriber', transport: 'tcp' }, [kept]), undefined)
    const ended = 'work ended at 0.20 of its rate, for whichever peer'
    t.equal(limitReached(known, { pattern: 'push', transport: 'tcp' }, [kept, ended]), undefined)
  },
)

t.test('other attacks have none', async (t) => {
  t.strictSame(
    attacks.filter(({ known }) => known).map(({ name }) => name),
    ['descriptors-held', 'flood-reset', 'endless-message'],
  )
  t.equal(limitReached(undefined, { pattern: 'pull', transport: 'tcp' }, ['memory grew by 428 MiB']), undefined)
})
