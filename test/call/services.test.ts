/** Services that come and go at a server while sessions live, and bindings that a client gives up. */
import t from 'tap'
import { defineService } from '../../src/avro/index.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import { callKind } from '../../src/call/call-kinds.js'
import { CallRefusal, CallUnbind } from '../../src/call/schemas.js'
import type { CallHandler, Implementation } from '../../src/call/served-service.js'
import { RecordBody } from '../../src/session/index.js'
import { Calling } from './calling.js'
import { Stranger } from './strangers.js'

const Ask = serviceOf(
  defineService({ protocol: 'Ask', messages: { ask: { request: [{ name: 'n', type: 'long' }], response: 'long' } } }),
)
const Wider = serviceOf(
  defineService({ protocol: 'Ask', messages: { ask: { request: [{ name: 'n', type: 'int' }], response: 'double' } } }),
)

const named = (name: string, handler: CallHandler, more: Partial<Implementation> = {}): Implementation => ({
  codec: Ask,
  handlers: new Map([['ask', handler]]),
  name,
  ...more,
})

/** Calls one service under a name. */
function ask(calling: Calling, name: string, n = 1, codec = Ask, caller = 0) {
  const service = calling.client.bind(codec, { as: name, label: `ask ${name}` })
  const outcomes: unknown[] = []
  const method = service.methods.get('ask')
  if (method === undefined) throw new Error('no method')
  const take = (outcome: unknown) => outcomes.push(outcome)
  const options = { timeoutMs: Infinity, deadline: Infinity, waitForReady: true, idempotent: undefined }
  calling.client.start(method, { n }, { ...options, signal: undefined, headers: undefined, caller }, take, take)
  calling.pump()
  return { service, outcomes }
}

t.test('services under names of their own are served beside each other, and may have one protocol', (t) => {
  const calling = new Calling({})
  calling.host.serve(named('a/1', () => 1))
  calling.host.serve(named('b/1', () => 2))
  t.strictSame([ask(calling, 'a/1').outcomes, ask(calling, 'b/1').outcomes], [[1], [2]])
  t.strictSame(ask(calling, 'a/1', 1, Wider).outcomes, [1], 'also for a client of another version')
  t.match(ask(calling, 'c/1').outcomes, [{ code: 'RIVULET_UNIMPLEMENTED', executed: 'no' }])
  t.throws(() => calling.host.serve(named('a/1', () => 1)), { code: 'RIVULET_INVALID_OPTION' })
  t.end()
})

t.test('of a service that is withdrawn open calls get their outcome, and later ones are refused', async (t) => {
  const calling = new Calling({})
  let answer = (_n: number) => {}
  let draining: AbortSignal | undefined
  const service = calling.host.serve(
    named('a/1', (_request, context) => {
      draining = context.draining
      return new Promise((resolve) => {
        answer = resolve
      })
    }),
  )
  const open = ask(calling, 'a/1')
  let withdrawn = false
  const withdrawing = calling.host.withdraw(service).then(() => {
    withdrawn = true
  })
  await calling.settle()
  t.notOk(withdrawn, 'it waits for the open call')
  t.match(draining?.reason, { code: 'RIVULET_SERVER_CLOSING' })
  t.match(ask(calling, 'a/1').outcomes, [{ code: 'RIVULET_UNIMPLEMENTED', executed: 'no' }])
  answer(7)
  await withdrawing
  await calling.settle()
  t.strictSame(open.outcomes, [7])
  t.strictSame(calling.leftovers, {})
})

t.test('calls of a withdrawn service can be stopped, and those of others continue', async (t) => {
  const calling = new Calling({})
  const signals: AbortSignal[] = []
  const never: CallHandler = (_request, { signal }) => {
    signals.push(signal)
    return new Promise(() => {})
  }
  const service = calling.host.serve(named('a/1', never))
  calling.host.serve(named('b/1', never))
  const [one, other] = [ask(calling, 'a/1'), ask(calling, 'b/1')]
  const withdrawing = calling.host.withdraw(service)
  calling.host.stop(service)
  await withdrawing
  await calling.settle()
  t.match(one.outcomes, [{ code: 'RIVULET_SERVER_CLOSING', executed: 'maybe' }])
  t.strictSame([other.outcomes, signals.map(({ aborted }) => aborted)], [[], [true, false]])
})

t.test('a name that was withdrawn can be served again, for bindings that are made then', (t) => {
  const calling = new Calling({})
  const service = calling.host.serve(named('a/1', () => 1))
  const first = ask(calling, 'a/1')
  void calling.host.withdraw(service)
  calling.host.serve(named('a/1', () => 2))
  t.match(
    ask(calling, 'a/1').outcomes,
    [{ code: 'RIVULET_UNIMPLEMENTED' }],
    'the old binding is that of the old service',
  )
  t.ok(calling.client.unbind(first.service))
  t.strictSame(ask(calling, 'a/1').outcomes, [2])
  t.end()
})

t.test('a service is refused whose text was asked for when it was withdrawn', (t) => {
  const calling = new Calling({})
  const service = calling.host.serve(named('a/1', () => 1))
  const stranger = new Stranger(calling)
  stranger.bind(0, Wider.hash, 0, 'a/1')
  void calling.host.withdraw(service)
  stranger.pair.pump()
  t.strictSame(
    stranger.seen.map(({ kind }) => kind),
    [callKind.needText, callKind.refusal, callKind.bound],
  )
  t.match(CallRefusal.decode(stranger.seen[1]?.body ?? Buffer.alloc(0)), { code: 'RIVULET_UNIMPLEMENTED' })
  t.end()
})

t.test('bindings that are given up make room, and their numbers are used again', (t) => {
  const calling = new Calling({}, { limits: { maxBindings: 4 } })
  for (let round = 1; round <= 40_000; round++) {
    const name = `peer/${round}`
    const service = calling.host.serve(named(name, () => round))
    const asked = ask(calling, name)
    if (asked.outcomes[0] !== round || !calling.client.unbind(asked.service)) t.fail(`round ${round}`)
    void calling.host.withdraw(service)
  }
  calling.host.serve(named('last', () => 5))
  const last = ask(calling, 'last')
  t.strictSame(last.outcomes, [5])
  t.ok(last.service.firstMethod < 16, 'the numbers of methods do not run out')
  t.end()
})

t.test('more bindings than the server takes are refused until some are given up', (t) => {
  const calling = new Calling({}, { limits: { maxBindings: 3 } })
  for (const name of ['a', 'b', 'c']) calling.host.serve(named(name, () => 1))
  const asked = ['a', 'b'].map((name) => ask(calling, name))
  t.match(ask(calling, 'c').outcomes, [{ code: 'RIVULET_OVERLOADED', executed: 'no', message: /takes 3 services/ }])
  for (const { service } of asked) t.ok(calling.client.unbind(service))
  calling.client.unbind(calling.client.bind(Ask, { as: 'c' }))
  t.strictSame(ask(calling, 'c').outcomes, [1])
  t.end()
})

t.test('a binding with an open call is not given up', async (t) => {
  const calling = new Calling({})
  calling.host.serve(named('a', () => new Promise(() => {})))
  const { service } = ask(calling, 'a')
  t.notOk(calling.client.unbind(service))
  await calling.client.stopAll(Object.assign(new Error('over'), { code: 'RIVULET_CLOSED' }) as never)
  t.ok(calling.client.unbind(service))
  t.ok(calling.client.unbind(service), 'and giving it up again is harmless')
  calling.pump()
  t.strictSame(calling.errors, [])
  t.end()
})

t.test('the numbers of one-way methods are not used again: their requests may be in transit', (t) => {
  const calling = new Calling({ note: () => {} })
  const { firstMethod } = calling.service
  t.ok(calling.client.unbind(calling.service))
  t.not(calling.client.bind(calling.service.codec).firstMethod, firstMethod)
  t.end()
})

t.test('a client that gives up what it never had, or before it was answered, harms nobody', (t) => {
  const calling = new Calling({}, { limits: { maxBindings: 2 } })
  calling.host.serve(named('a/1', () => 1))
  const stranger = new Stranger(calling)
  const unbind = (binding: number) => stranger.say(0, callKind.unbind, new RecordBody(CallUnbind, { binding }))
  unbind(77)
  stranger.bind(0, Wider.hash, 0, 'a/1')
  unbind(0)
  stranger.bind(1, Ask.hash, 0, 'a/1')
  stranger.say(0, callKind.unbind, Buffer.alloc(3, 0xff))
  t.strictSame(
    stranger.seen.map(({ kind }) => kind),
    [callKind.needText, callKind.bound],
  )
  t.match(calling.host.stats(), { invalidItems: 1 })
  t.strictSame(ask(calling, 'a/1').outcomes, [1])
  t.end()
})

t.test('a client that binds and gives up without end, and reads nothing, is answered no more', (t) => {
  const calling = new Calling({})
  const stranger = new Stranger(calling)
  stranger.pair.acceptor.blocked = true
  for (let binding = 0; binding < 20_000; binding++) {
    stranger.bind(binding, Ask.hash, 0, 'none')
    stranger.say(0, callKind.unbind, new RecordBody(CallUnbind, { binding }))
  }
  stranger.pair.acceptor.blocked = false
  stranger.pair.pump()
  const answered = stranger.seen.filter(({ kind }) => kind === callKind.bound).length
  t.ok(answered > 1000 && answered < 16_384, `${answered} answers waited`)
  t.end()
})

t.test('a service with an access of its own is asked for by that, and not by its name', (t) => {
  const asked: string[] = []
  const permits = (_peer: unknown, action: string, target: string) => {
    asked.push(`${action} ${target}`)
    return target !== 'planner'
  }
  const calling = new Calling({}, { policy: { permits, allows: permits } })
  const access = (target: string) => ({ access: { action: 'message', target } as const })
  let ran = 0
  calling.host.serve(named('a/1', () => ++ran, access('planner')))
  calling.host.serve(named('b/1', () => ++ran, access('worker')))
  asked.length = 0
  t.match(ask(calling, 'a/1').outcomes, [
    { code: 'RIVULET_PERMISSION_DENIED', executed: 'no', message: /message planner/ },
  ])
  t.strictSame(ask(calling, 'b/1').outcomes, [1])
  t.strictSame(asked, ['message planner', 'message worker', 'message worker'])
  t.end()
})

t.test('a service may refuse a call for who makes it, before its request is read', (t) => {
  const calling = new Calling({})
  let ran = 0
  const admit: Implementation['admit'] = (peer, caller) =>
    caller === 32_767 ? undefined : { code: 'RIVULET_INVALID_REQUEST', message: `${peer.id} is not ${caller}` }
  calling.host.serve(named('a/1', () => ++ran, { admit }))
  for (const caller of [0, 1, 32_766]) {
    const message = new RegExp(`somebody is not ${caller}$`)
    t.match(ask(calling, 'a/1', 1, Ask, caller).outcomes, [
      { code: 'RIVULET_INVALID_REQUEST', executed: 'no', message },
    ])
  }
  t.equal(ran, 0)
  t.strictSame(ask(calling, 'a/1', 1, Ask, 32_767).outcomes, [1])
  t.end()
})

t.test('no session keeps the handlers of a withdrawn service alive', async (t) => {
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const calling = new Calling({})
  const serve = () => {
    const handler = () => 3
    const service = calling.host.serve(named('a/1', handler))
    ask(calling, 'a/1')
    ask(calling, 'a/1', 1, Wider)
    void calling.host.withdraw(service)
    return new WeakRef(handler)
  }
  const handler = serve()
  for (let round = 0; round < 10 && handler.deref() !== undefined; round++) {
    await new Promise(setImmediate)
    collect()
  }
  t.equal(handler.deref(), undefined)
})
