/** Allow functions: slow ones, failing ones, many questions at once, and keys that they admit no more. */
import t from 'tap'
import { defaults } from '../../src/options/index.js'
import { generateKeyPair, keyFingerprint } from '../../src/security/index.js'
import { guarded } from './guarded.js'

const one = generateKeyPair().publicKey
const two = generateKeyPair().publicKey
const unknown = { admitted: false, reason: 'unknown-key' }
const unavailable = { admitted: false, reason: 'unavailable' }
const { admissionTimeoutMs, admissionRecheckMs, admissionGraceMs, refusalMemoryMs, undecidedKeys, unusedKeyMs } =
  defaults

/** Promise jobs between an answer of the function and what it decides. */
const settled = async () => {
  for (let job = 0; job < 10; job++) await undefined
}

/** A function whose answers the test gives. */
function asked() {
  const questions: { key: string; address: string; answer(value: unknown): void; fail(error: unknown): void }[] = []
  const allow = (key: string, { address }: { readonly address: string }) =>
    new Promise<never>((answer, fail) => {
      questions.push({ key, address, answer: answer as (value: unknown) => void, fail })
    })
  return { questions, allow }
}

t.test('true, false and names, at once or later', async (t) => {
  const names = new Map<string, string | boolean>([
    [one, true],
    [two, 'bob'],
  ])
  for (const allow of [(key: string) => names.get(key) ?? false, async (key: string) => names.get(key) ?? false]) {
    const { guard } = guarded({ allow })
    t.equal(guard.identityOf(one), undefined, 'not decided yet')
    t.strictSame(await guard.decide(one, '::1'), {
      admitted: true,
      identity: { name: keyFingerprint(one), publicKey: one },
    })
    t.match(await guard.decide(two, '::1'), { admitted: true, identity: { name: 'bob' } })
    t.strictSame(await guard.decide(generateKeyPair().publicKey, ''), unknown)
    t.equal(guard.identityOf(two)?.name, 'bob')
  }
})

t.test('questions about one key share one call', async (t) => {
  const { questions, allow } = asked()
  const { guard } = guarded({ allow })
  const decisions = [guard.decide(one, '10.0.0.1'), guard.decide(one, '10.0.0.2'), guard.decide(two, '10.0.0.3')]
  t.match(questions, [
    { key: one, address: '10.0.0.1' },
    { key: two, address: '10.0.0.3' },
  ])
  questions[0]?.answer('alice')
  questions[1]?.answer(false)
  t.match(await Promise.all(decisions), [{ admitted: true }, { admitted: true }, unknown])
})

t.test('a slow answer is none in time, and counts when it comes', async (t) => {
  const { questions, allow } = asked()
  const { guard, clock, errors } = guarded({ allow })
  const decision = guard.decide(one, '')
  clock.advance(admissionTimeoutMs + 1)
  t.strictSame(await decision, unavailable)
  t.match(errors, [{ code: 'RIVULET_ADMISSION_UNAVAILABLE' }])
  questions[0]?.answer('alice')
  await settled()
  t.match(guard.decide(one, ''), { admitted: true, identity: { name: 'alice' } })
  t.equal(questions.length, 1)
})

t.test('failures and answers of another kind are none, and end nothing', async (t) => {
  const wrong: (() => unknown)[] = [
    () => {
      throw new Error('no database')
    },
    () => Promise.reject(new Error('no database')),
    () => undefined,
    () => 1,
    () => null,
    () => '',
    () => '*',
    () => 'a\nb',
    () => one,
    () => Promise.resolve({}),
  ]
  for (const allow of wrong) {
    const { guard, errors } = guarded({ allow: allow as never })
    t.strictSame(await guard.decide(one, ''), unavailable, String(allow))
    t.equal(guard.identityOf(one), undefined)
    t.match(errors, [{ code: 'RIVULET_ADMISSION_UNAVAILABLE' }])
    t.notOk(errors[0]?.message.includes(one) || String(errors[0]?.cause).includes(one))
  }
})

t.test('calls that do not return are bounded, and given up after a while', async (t) => {
  const { questions, allow } = asked()
  const { guard, clock } = guarded({ allow })
  const decisions = Array.from({ length: undecidedKeys }, () => guard.decide(generateKeyPair().publicKey, ''))
  t.strictSame(guard.decide(one, ''), unavailable, 'without a call')
  t.equal(questions.length, undecidedKeys)
  clock.advance(admissionTimeoutMs + 1)
  t.ok((await Promise.all(decisions)).every(({ admitted }) => !admitted))
  t.strictSame(guard.decide(one, ''), unavailable, 'the calls still run')
  clock.advance(30_000)
  await settled()
  const decision = guard.decide(one, '')
  questions.at(-1)?.answer(true)
  t.match(await decision, { admitted: true })
  questions[0]?.answer('late')
  await settled()
  t.equal(guard.identityOf(questions[0]?.key ?? ''), undefined, 'the answer to a call that was given up')
})

t.test('a refusal is remembered for a moment', async (t) => {
  let calls = 0
  let answer = false
  const allow = () => {
    calls += 1
    return answer
  }
  const { guard, clock } = guarded({ allow })
  for (let i = 0; i < 10; i++) t.strictSame(guard.decide(one, ''), unknown)
  t.equal(calls, 1)
  answer = true
  clock.advance(refusalMemoryMs)
  t.match(guard.decide(one, ''), { admitted: true })
})

t.test('a key that the function refuses from now on is revoked within a second', async (t) => {
  const admitted = new Map<string, string>([
    [one, 'alice'],
    [two, 'bob'],
  ])
  const { guard, clock, revoked, events } = guarded({ allow: async (key) => admitted.get(key) ?? false })
  await guard.decide(one, '')
  await guard.decide(two, '')
  clock.advance(admissionRecheckMs * 3)
  await settled()
  t.strictSame(revoked, [])
  admitted.delete(one)
  admitted.set(two, 'robert')
  clock.advance(admissionRecheckMs)
  await settled()
  t.strictSame(revoked, [one, two])
  t.equal(guard.identityOf(one), undefined)
  t.equal(guard.identityOf(two)?.name, 'robert')
  t.match(
    events.map(({ kind, reason }) => `${kind} ${reason}`),
    ['revoked unknown-key', 'revoked renamed'],
  )
})

t.test('a short outage revokes nothing, a long one everything', async (t) => {
  let isOut = false
  const allow = async () => {
    if (isOut) throw new Error('no database')
    return 'alice'
  }
  const { guard, clock, revoked } = guarded({ allow })
  await guard.decide(one, '')
  isOut = true
  for (let at = 0; at < admissionGraceMs - 1000; at += admissionRecheckMs) {
    clock.advance(admissionRecheckMs)
    await settled()
  }
  t.equal(guard.identityOf(one)?.name, 'alice')
  isOut = false
  clock.advance(admissionRecheckMs)
  await settled()
  isOut = true
  for (let at = 0; at < admissionGraceMs; at += admissionRecheckMs) {
    clock.advance(admissionRecheckMs)
    await settled()
  }
  t.strictSame(revoked, [])
  clock.advance(admissionRecheckMs * 2)
  await settled()
  t.strictSame(revoked, [one])
})

t.test('a recheck that hangs revokes after the time of grace', async (t) => {
  const { questions, allow } = asked()
  const { guard, clock, revoked } = guarded({ allow })
  const decision = guard.decide(one, '')
  questions[0]?.answer('alice')
  await decision
  clock.advance(admissionGraceMs)
  t.equal(questions.length, 2, 'one question at a time')
  t.strictSame(revoked, [])
  clock.advance(admissionRecheckMs * 2)
  t.strictSame(revoked, [one])
})

t.test('admitted keys are bounded: the one that connected longest ago is revoked', async (t) => {
  const { guard, revoked } = guarded({ allow: () => true })
  guard.decide(one, '')
  guard.decide(two, '')
  const other = generateKeyPair().publicKey.slice(0, 35)
  for (let i = 0; i < defaults.admittedKeys - 2; i++) guard.decide(other + String(i).padStart(5, '0'), '')
  guard.decide(one, '')
  t.strictSame(revoked, [])
  guard.decide(`${other}zzzzz`, '')
  t.strictSame(revoked, [two])
  t.ok(guard.identityOf(one))
})

t.test('a peer that makes ever other keys revokes none that a link uses', async (t) => {
  const { guard, revoked } = guarded({ allow: () => true })
  guard.usedBy((key) => key === one)
  guard.decide(one, '')
  const other = generateKeyPair().publicKey.slice(0, 35)
  for (let i = 0; i < defaults.admittedKeys + 5; i++) guard.decide(other + String(i).padStart(5, '0'), '')
  t.strictSame(revoked, [])
  t.ok(guard.identityOf(one))
  t.equal(guard.identityOf(`${other}00004`), undefined, 'those that nobody uses leave')
})

t.test('a key with another name is admitted when its revocation is reported', async (t) => {
  let name = 'alice'
  const { guard, clock } = guarded({ allow: () => name })
  guard.decide(one, '')
  const seen: (string | undefined)[] = []
  guard.revoked.subscribe((key) => seen.push(guard.identityOf(key)?.name))
  name = 'alicia'
  clock.advance(admissionRecheckMs)
  t.strictSame(seen, ['alicia'])
})

t.test('keys that no link uses are forgotten after a while, and not revoked', async (t) => {
  const calls: string[] = []
  const allow = (key: string) => {
    calls.push(key)
    return true
  }
  const { guard, clock, revoked } = guarded({ allow })
  guard.usedBy((key) => key === one)
  guard.decide(one, '')
  guard.decide(two, '')
  clock.advance(unusedKeyMs - admissionRecheckMs)
  guard.decide(two, '')
  clock.advance(unusedKeyMs)
  t.ok(guard.identityOf(two), 'it has connected in the meantime')
  clock.advance(admissionRecheckMs * 2)
  t.equal(guard.identityOf(two), undefined)
  t.ok(guard.identityOf(one))
  t.strictSame(revoked, [])
  calls.length = 0
  clock.advance(admissionRecheckMs)
  t.strictSame(calls, [one])
  t.match(guard.decide(two, ''), { admitted: true })
})

t.test('a guard that is closed asks nothing more', async (t) => {
  const { questions, allow } = asked()
  const { guard, clock } = guarded({ allow })
  const decision = guard.decide(one, '')
  guard.close()
  questions[0]?.answer('alice')
  t.strictSame(await decision, unavailable)
  t.equal(guard.identityOf(one), undefined)
  t.strictSame(guard.decide(one, ''), unavailable)
  clock.advance(60_000)
  t.equal(questions.length, 1)
  t.equal(clock.timers, 0)
})
