/** Policies: rules and functions, what they allow, and that everything else is denied. */
import { channel } from 'node:diagnostics_channel'
import fc from 'fast-check'
import t from 'tap'
import { generateKeyPair, type PeerIdentity, type Policy, type PolicyAction } from '../../src/security/index.js'
import { guarded } from './guarded.js'

const alice: PeerIdentity = { name: 'alice', publicKey: generateKeyPair().publicKey }
const bob: PeerIdentity = { name: 'bob', publicKey: generateKeyPair().publicKey }

const guardOf = (policy: Policy) => guarded({ allow: 'any', policy })

t.test('without a policy everything is permitted', async (t) => {
  const { guard, events } = guarded({ allow: 'any' })
  t.ok(guard.permits(alice, 'call', 'anything'))
  t.ok(guard.permits(undefined, 'purge', ''))
  t.strictSame(events, [])
})

t.test('rules permit what they name, and nothing else', async (t) => {
  const { guard } = guardOf([
    { identity: 'alice', action: 'call', target: 'acme.Quotes.*' },
    { identity: 'alice', action: ['produce', 'consume'], target: 'jobs' },
    { identity: '*', action: 'reflect', target: '#' },
    { identity: 'bob', action: 'subscribe', target: 'ticks.#' },
    { identity: 'bob', action: 'publish', target: '*.news.*' },
  ])
  const asked: [who: PeerIdentity | undefined, action: PolicyAction, target: string, permitted: boolean][] = [
    [alice, 'call', 'acme.Quotes.get', true],
    [alice, 'call', 'acme.Quotes', false],
    [alice, 'call', 'acme.Quotes.get.more', false],
    [alice, 'call', 'acme.QuotesX.get', false],
    [bob, 'call', 'acme.Quotes.get', false],
    [undefined, 'call', 'acme.Quotes.get', false],
    [alice, 'produce', 'jobs', true],
    [alice, 'consume', 'jobs', true],
    [alice, 'peek', 'jobs', false],
    [alice, 'produce', 'jobs.dead', false],
    [alice, 'produce', 'JOBS', false],
    [alice, 'produce', '', false],
    [bob, 'reflect', 'acme.Quotes', true],
    [undefined, 'reflect', 'x', true],
    [bob, 'subscribe', 'ticks', true],
    [bob, 'subscribe', 'ticks.a.b', true],
    [bob, 'subscribe', 'ticksets', false],
    [bob, 'publish', 'a.news.b', true],
    [bob, 'publish', 'a.news', false],
    [{ ...bob, name: '*' }, 'produce', 'jobs', false],
  ]
  for (const pass of ['decided', 'remembered']) {
    for (const [who, action, target, permitted] of asked) {
      t.equal(guard.permits(who, action, target), permitted, `${who?.name} ${action} ${target}: ${pass}`)
    }
  }
})

t.test('a pattern is permitted only if a rule fits every target that it stands for', async (t) => {
  const { guard } = guardOf([
    { identity: 'alice', action: 'subscribe', target: 'ticks.*' },
    { identity: 'alice', action: 'subscribe', target: 'news.#' },
    { identity: 'bob', action: 'subscribe', target: '#' },
  ])
  const asked: [who: PeerIdentity, pattern: string, permitted: boolean][] = [
    [alice, 'ticks.*', true],
    [alice, 'ticks.acme', true],
    [alice, 'ticks.#', false],
    [alice, 'ticks.*.#', false],
    [alice, 'ticks.*.*', false],
    [alice, '*.acme', false],
    [alice, '*', false],
    [alice, '#', false],
    [alice, 'news.#', true],
    [alice, 'news.*.#', true],
    [alice, 'news.*.world', true],
    [alice, '*.#', false],
    [bob, '#', true],
    [bob, '*.#', true],
  ]
  for (const [who, pattern, permitted] of asked) {
    t.equal(guard.permits(who, 'subscribe', pattern), permitted, `${who.name} ${pattern}`)
  }
})

t.test('whatever a permitted pattern stands for is permitted, and what is not is more than a rule allows', async () => {
  const words = (of: fc.Arbitrary<string>, min: number, max: number) =>
    fc.array(of, { minLength: min, maxLength: max }).map((all) => all.join('.'))
  const fixed = words(fc.constantFrom('a', 'b', '*'), 1, 3)
  const pattern = fc.oneof(
    fixed,
    fixed.map((text) => `${text}.#`),
    fc.constant('#'),
  )
  // with a word that no pattern has, and one word more than any has, a topic stands for all that are like it
  const topics: string[] = []
  const add = (beginning: readonly string[]) => {
    if (beginning.length > 0) topics.push(beginning.join('.'))
    if (beginning.length < 5) for (const word of ['a', 'b', 'other']) add([...beginning, word])
  }
  add([])
  const property = fc.property(pattern, pattern, (rule, asked) => {
    const { guard } = guardOf([{ identity: 'alice', action: 'subscribe', target: rule }])
    const allowed = topics.filter((topic) => guard.allows(alice, 'subscribe', topic))
    const { guard: all } = guardOf([{ identity: 'alice', action: 'subscribe', target: asked }])
    const meant = topics.filter((topic) => all.allows(alice, 'subscribe', topic))
    // '#' stands for no word at all, too, as which a rule for one word or more is not taken
    const expected = asked === '#' ? rule === '#' : meant.every((topic) => allowed.includes(topic))
    return guard.allows(alice, 'subscribe', asked) === expected
  })
  fc.assert(property, { numRuns: 500 })
})

t.test('an empty policy permits nothing', async (t) => {
  const { guard, events } = guardOf([])
  t.notOk(guard.permits(alice, 'call', 'a.b'))
  t.match(events, [{ kind: 'denied', reason: 'call', identity: alice, target: 'a.b', count: 1 }])
})

t.test('what was decided once is decided the same, whatever is asked between', async (t) => {
  const word = fc.constantFrom('a', 'b', '*', '#', 'constructor', '__proto__')
  const text = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('.'))
  const who = fc.constantFrom(alice, bob, undefined, { ...bob, name: '__proto__' })
  const asked = fc.array(fc.tuple(who, fc.constantFrom('call' as const, 'produce' as const), text), { maxLength: 20 })
  const property = fc.property(asked, (requests) => {
    const policy: Policy = [
      { identity: 'alice', action: 'call', target: 'a.#' },
      { identity: '__proto__', action: 'produce', target: '*.b' },
    ]
    const { guard } = guardOf(policy)
    return [...requests, ...requests].every(([identity, action, target]) => {
      const expected =
        (identity === alice && action === 'call' && /^a(\.|$)/.test(target)) ||
        (identity?.name === '__proto__' && action === 'produce' && /^[^.]+\.b$/.test(target))
      return guard.permits(identity, action, target) === expected
    })
  })
  t.notOk(fc.check(property).failed)
})

t.test('many other targets change no decision', async (t) => {
  const { guard } = guardOf([{ identity: 'alice', action: 'call', target: 'a.*' }])
  let permitted = 0
  for (let i = 0; i < 3000; i++) if (guard.permits(alice, 'call', `a.${i}`)) permitted += 1
  t.equal(permitted, 3000)
  for (let i = 0; i < 3000; i++) if (guard.permits({ ...bob, name: `b${i}` }, 'call', 'a.b')) permitted += 1
  t.equal(permitted, 3000)
  t.ok(guard.permits(alice, 'call', `a.${'b'.repeat(1000)}`))
  t.notOk(guard.permits(alice, 'call', `c.${'b'.repeat(1000)}`))
})

t.test('a function is asked each time', async (t) => {
  const requests: unknown[] = []
  const { guard } = guardOf((request) => {
    requests.push(request)
    return request.identity?.name === 'alice'
  })
  t.ok(guard.permits(alice, 'call', 'a'))
  t.ok(guard.permits(alice, 'call', 'a'))
  t.notOk(guard.permits(bob, 'consume', 'b'))
  t.strictSame(requests.slice(1), [
    { identity: alice, action: 'call', target: 'a' },
    { identity: bob, action: 'consume', target: 'b' },
  ])
})

t.test('a function that throws, or answers with something else, denies and is reported', async (t) => {
  const cause = new Error('no database')
  const wrong: (() => unknown)[] = [
    () => {
      throw cause
    },
    () => {
      throw undefined
    },
    () => undefined,
    () => 1,
    () => 'true',
    async () => true,
    async () => {
      throw cause
    },
  ]
  for (const policy of wrong) {
    const { guard, errors, events } = guardOf(policy as never)
    t.equal(guard.permits(alice, 'call', 'a'), false)
    t.match(errors, [{ code: 'RIVULET_POLICY_FAILED' }], String(policy))
    t.match(events, [{ kind: 'denied' }])
  }
  t.equal(guardOf(wrong[0] as never).errors.length, 0)
})

t.test('events are counted, and reported once a second for each kind and reason', async (t) => {
  const { guard, clock, events } = guardOf([])
  const published: unknown[] = []
  const listen = (message: unknown) => published.push(message)
  channel('rivulet:security').subscribe(listen)
  t.teardown(() => channel('rivulet:security').unsubscribe(listen))
  for (let i = 0; i < 100; i++) guard.permits(alice, 'call', `a.${i}`)
  guard.permits(bob, 'peek', 'jobs')
  t.match(
    events.map(({ reason, count }) => `${reason} ${count}`),
    ['call 1', 'peek 1'],
  )
  clock.advance(999)
  t.equal(events.length, 2)
  clock.advance(1)
  t.match(events.slice(2), [{ kind: 'denied', reason: 'call', target: 'a.99', count: 99, identity: alice }])
  t.ok(events[2]?.time instanceof Date)
  clock.advance(1000)
  t.equal(clock.timers, 0, 'what is quiet is forgotten')
  guard.note({ kind: 'refused', reason: 'unknown-key', address: '10.0.0.1' })
  guard.note({ kind: 'refused', reason: 'unknown-key', address: '10.0.0.2' })
  guard.close()
  guard.note({ kind: 'refused', reason: 'unknown-key' })
  t.match(
    events.slice(3).map(({ address, count }) => `${address} ${count}`),
    ['10.0.0.1 1', '10.0.0.2 1'],
  )
  t.equal(clock.timers, 0)
  t.strictSame(
    published,
    events.map((event) => ({ resource: 'thing', event })),
  )
})

t.test('texts of peers are cut and made safe in events', async (t) => {
  const { guard, events } = guardOf([])
  guard.permits(alice, 'call', `line\nbreak\u001b[31m${'x'.repeat(10_000)}`)
  const target = events[0]?.target ?? ''
  t.equal(target.length, 128)
  t.ok(target.startsWith('line\ufffdbreak\ufffd[31m'))
})
