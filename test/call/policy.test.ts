/** What a policy denies is refused before the request is read, and services of which nothing is allowed stay unknown. */
import t from 'tap'
import { callKind } from '../../src/call/call-kinds.js'
import type { CallPolicy } from '../../src/call/index.js'
import { CallRefusal, CallRequest } from '../../src/call/schemas.js'
import { itemFlag } from '../../src/session/index.js'
import { Calling, numbered } from './calling.js'
import { Stranger } from './strangers.js'

/** A policy that allows some actions on some targets, with what was denied. */
function policyOf(...allowed: string[]): CallPolicy & { readonly denied: string[] } {
  const denied: string[] = []
  const allows: CallPolicy['allows'] = (_peer, action, target) => allowed.includes(`${action} ${target}`)
  return {
    denied,
    allows,
    permits(peer, action, target) {
      if (allows(peer, action, target)) return true
      denied.push(`${peer.id} ${action} ${target}`)
      return false
    },
  }
}

/** What becomes of a call that has its outcome at once. */
function outcome(calling: Calling, method: string, n?: unknown): unknown {
  const { outcomes } = calling.start(method, n)
  calling.pump()
  return outcomes[0]
}

t.test('a method that is allowed runs, another is refused and does not', async (t) => {
  const policy = policyOf('call test.Numbers.double')
  let looks = 0
  const handlers = { double: numbered((n) => 2 * n), look: () => ++looks, sum: () => ++looks, count: () => [++looks] }
  const calling = new Calling(handlers, { policy })
  t.equal(outcome(calling, 'double', 21), 42)
  const refusal = { code: 'RIVULET_PERMISSION_DENIED', retryable: false, executed: 'no' }
  for (const method of ['look', 'count']) {
    t.match(outcome(calling, method), { ...refusal, message: new RegExp(`call test.Numbers.${method}$`) })
  }
  const streamed = calling.start('sum', [{ n: 1 }, { n: 2 }])
  await calling.settle()
  t.match(streamed.outcomes, [refusal])
  t.equal(looks, 0)
  t.match(calling.host.stats(), { started: 1, refused: 3 })
  t.strictSame(
    policy.denied,
    ['look', 'count', 'sum'].map((method) => `somebody call test.Numbers.${method}`),
  )
  t.equal(outcome(calling, 'double', 1), 2, 'the session lives')
  t.strictSame(calling.leftovers, {})
})

t.test('a one-way call that is denied is reported, since its client is not notified', async (t) => {
  let notes = 0
  const policy = policyOf('call test.Numbers.double')
  const calling = new Calling({ note: () => ++notes, double: numbered((n) => n) }, { policy })
  calling.start('note')
  calling.pump()
  t.equal(notes, 0)
  t.match(calling.errors, [{ code: 'RIVULET_PERMISSION_DENIED' }])
})

t.test('a request that is denied is not read: what is no request is denied all the same', async (t) => {
  const calling = new Calling({ double: numbered((n) => n) }, { policy: policyOf('call test.Numbers.look') })
  const stranger = new Stranger(calling)
  stranger.bind()
  const head = CallRequest.encode({ method: 0, deadline: 0, headers: {} })
  stranger.say(1, callKind.request, Buffer.concat([head, Buffer.alloc(50, 0xff)]), itemFlag.last)
  t.match(stranger.failures, [{ code: 'RIVULET_PERMISSION_DENIED', executed: 'no' }])
})

t.test('a service of which nothing is allowed is refused as a whole, before its schemas are compared', async (t) => {
  const policy = policyOf('call test.Other.double', 'reflect test')
  const calling = new Calling({ double: numbered((n) => n) }, { policy })
  t.match(outcome(calling, 'double'), {
    code: 'RIVULET_PERMISSION_DENIED',
    executed: 'no',
    message: /use the service test.Numbers/,
  })
  t.strictSame(policy.denied, ['somebody reflect test.Numbers'])
  const stranger = new Stranger(calling)
  stranger.bind(0, '00'.repeat(16))
  t.strictSame(
    stranger.seen.map(({ kind }) => kind),
    [callKind.refusal, callKind.bound],
    'its text is neither asked for nor sent',
  )
  t.match(CallRefusal.decode(stranger.seen[0]?.body ?? Buffer.alloc(0)), { code: 'RIVULET_PERMISSION_DENIED' })
})

t.test('one who may reflect a service gets an agreement, and no call', async (t) => {
  const policy = policyOf('reflect test.Numbers')
  const calling = new Calling({ double: numbered((n) => n) }, { policy })
  t.match(outcome(calling, 'double'), { code: 'RIVULET_PERMISSION_DENIED', message: /call test.Numbers.double/ })
  t.strictSame(policy.denied, ['somebody call test.Numbers.double'])
})
