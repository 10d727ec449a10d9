/** Allow lists: fixed ones, and those that an observable changes. */
import { NEVER, of, Subject, throwError } from 'rxjs'
import t from 'tap'
import { type AllowList, generateKeyPair, keyFingerprint } from '../../src/security/index.js'
import { guarded } from './guarded.js'

const one = generateKeyPair().publicKey
const two = generateKeyPair().publicKey
const three = generateKeyPair().publicKey
const unknown = { admitted: false, reason: 'unknown-key' }
const unavailable = { admitted: false, reason: 'unavailable' }

t.test('a record admits its keys by their names, and no other', async (t) => {
  const { guard } = guarded({ allow: { alice: [one, two], constructor: three } })
  t.strictSame(guard.decide(one, ''), { admitted: true, identity: { name: 'alice', publicKey: one } })
  t.strictSame(guard.identityOf(two), { name: 'alice', publicKey: two })
  t.strictSame(guard.identityOf(three), { name: 'constructor', publicKey: three })
  const other = generateKeyPair().publicKey
  for (const key of [other, 'alice', '__proto__', 'toString', '', one.slice(1)]) {
    t.strictSame(guard.decide(key, ''), unknown)
    t.equal(guard.identityOf(key), undefined)
  }
})

t.test('names of inherited properties admit nobody else', async (t) => {
  const { guard } = guarded({ allow: JSON.parse(`{"__proto__":"${one}","hasOwnProperty":"${two}"}`) })
  t.equal(guard.identityOf(one)?.name, '__proto__')
  t.equal(guard.identityOf(two)?.name, 'hasOwnProperty')
  t.strictSame(guard.decide(three, ''), unknown)
  t.equal(Reflect.get({}, 'name'), undefined)
})

t.test('an array admits its keys by their fingerprints', async (t) => {
  const { guard } = guarded({ allow: [one] })
  t.equal(guard.identityOf(one)?.name, keyFingerprint(one))
  t.strictSame(guard.decide(two, ''), unknown)
})

t.test('any admits each key, and nothing that is no key', async (t) => {
  const { guard } = guarded({ allow: 'any' })
  for (const publicKey of [one, two, one]) {
    t.match(guard.decide(publicKey, ''), { admitted: true, identity: { name: keyFingerprint(publicKey), publicKey } })
  }
  t.strictSame(guard.decide('', ''), unknown)
  t.equal(guard.identityOf('x'), undefined)
})

t.test('an empty list admits nobody', async (t) => {
  for (const allow of [{}, [], of({})]) t.strictSame(guarded({ allow }).guard.decide(one, ''), unknown)
})

t.test('the newest list decides; a key that leaves it is revoked, and one with another name', async (t) => {
  const lists = new Subject<AllowList>()
  const { guard, revoked, events } = guarded({ allow: lists })
  lists.next({ alice: one, bob: two })
  t.equal(guard.identityOf(one)?.name, 'alice')
  lists.next({ alice: [one, three], robert: two })
  t.strictSame(revoked, [two], 'renamed')
  t.equal(guard.identityOf(two)?.name, 'robert')
  t.equal(guard.identityOf(three)?.name, 'alice')
  lists.next({ alice: three })
  t.strictSame(revoked, [two, one, two])
  t.equal(guard.identityOf(one), undefined)
  t.strictSame(guard.decide(two, ''), unknown)
  t.match(events, [
    { kind: 'revoked', reason: 'renamed', identity: { name: 'bob' } },
    { kind: 'revoked', reason: 'unknown-key', identity: { name: 'alice' }, count: 1 },
  ])
})

t.test('keys that have left the list are remembered until they are back, and others are not among them', async (t) => {
  const lists = new Subject<AllowList>()
  const { guard } = guarded({ allow: lists })
  const left = () => [one, two, three].map((key) => guard.isRevoked(key))
  lists.next({ alice: one, bob: two })
  t.strictSame(left(), [false, false, false])
  lists.next({ robert: two })
  t.strictSame(left(), [true, false, false])
  lists.next({ alice: one, carol: three })
  t.strictSame(left(), [false, true, false])
  lists.error(new Error('no list'))
  t.strictSame(left(), [true, true, true])
  t.equal(guarded({ allow: 'any' }).guard.isRevoked(one), false)
  t.equal(guarded({ allow: () => false }).guard.isRevoked(one), false)
})

t.test('decisions wait for the first list, for a bounded time', async (t) => {
  const lists = new Subject<AllowList>()
  const { guard, clock } = guarded({ allow: lists })
  const decisions = [guard.decide(one, ''), guard.decide(two, '')]
  t.equal(guard.identityOf(one), undefined)
  lists.next({ alice: one })
  t.match(await Promise.all(decisions), [{ admitted: true, identity: { name: 'alice' } }, unknown])
  t.equal(clock.timers, 0)

  const silent = guarded({ allow: NEVER })
  const late = silent.guard.decide(one, '')
  silent.clock.advance(799)
  silent.clock.advance(2)
  t.strictSame(await late, unavailable)
  t.equal(silent.clock.timers, 0)
})

t.test('decisions that wait are bounded', async (t) => {
  const { guard } = guarded({ allow: NEVER })
  const waiting = Array.from({ length: 1024 }, () => guard.decide(one, ''))
  t.ok(waiting.every((decision) => decision instanceof Promise))
  t.strictSame(guard.decide(one, ''), unavailable)
  guard.close()
  t.ok((await Promise.all(waiting)).every(({ admitted }) => !admitted))
})

t.test('what is no list is reported, and the last good one holds', async (t) => {
  const lists = new Subject<AllowList>()
  const { guard, errors, revoked } = guarded({ allow: lists })
  lists.next({ alice: one })
  for (const wrong of [{ alice: 'key' }, { alice: one, bob: one }, null, 'any', { '*': one }])
    lists.next(wrong as never)
  t.equal(guard.identityOf(one)?.name, 'alice')
  t.strictSame(revoked, [])
  t.equal(errors.length, 5)
  for (const error of errors) t.match(error, { code: 'RIVULET_INVALID_OPTION' })
})

t.test('a failure of the observable admits nobody any more', async (t) => {
  const lists = new Subject<AllowList>()
  const { guard, errors, revoked } = guarded({ allow: lists })
  lists.next({ alice: one })
  const cause = new Error('the database is gone')
  lists.error(cause)
  t.strictSame(guard.decide(one, ''), unavailable)
  t.equal(guard.identityOf(one), undefined)
  t.strictSame(revoked, [one])
  t.match(errors, [{ code: 'RIVULET_ADMISSION_UNAVAILABLE', cause }])

  const broken = guarded({ allow: throwError(() => cause) })
  t.strictSame(broken.guard.decide(one, ''), unavailable)
})

t.test('the last list holds when the observable completes; without one nobody is admitted', async (t) => {
  const { guard, errors } = guarded({ allow: of({ alice: one }) })
  t.equal(guard.identityOf(one)?.name, 'alice')
  t.strictSame(errors, [])
  const lists = new Subject<AllowList>()
  const none = guarded({ allow: lists })
  const decision = none.guard.decide(one, '')
  lists.complete()
  t.strictSame(await decision, unavailable)
  t.match(none.errors, [{ code: 'RIVULET_ADMISSION_UNAVAILABLE' }])
})

t.test('a guard that is closed admits nobody, and follows its list no more', async (t) => {
  const lists = new Subject<AllowList>()
  const { guard } = guarded({ allow: lists })
  lists.next({ alice: one })
  guard.close()
  guard.close()
  t.notOk(lists.observed)
  t.strictSame(guard.decide(one, ''), unavailable)
  t.equal(guard.identityOf(one), undefined)
})
