/** The option `security`: what is refused, and that no message or inspection shows a key. */
import { inspect } from 'node:util'
import { of } from 'rxjs'
import t from 'tap'
import { isRivuletError } from '../../src/errors/index.js'
import { generateKeyPair, resolveSecurity, type SecuritySides } from '../../src/security/index.js'

const keyPair = generateKeyPair()
const other = generateKeyPair()
const serverKey = other.publicKey
const binds: SecuritySides = { binds: true, connects: false }
const connects: SecuritySides = { binds: false, connects: true }
const both: SecuritySides = { binds: true, connects: true }

function refusal(options: unknown, sides: SecuritySides): string {
  try {
    resolveSecurity('createThing', options as never, sides)
  } catch (error) {
    if (isRivuletError(error, 'RIVULET_INVALID_OPTION')) return error.message
    throw error
  }
  throw new Error('not refused')
}

t.test('without the option there is no security', async (t) => {
  t.equal(resolveSecurity('createThing', undefined, binds), undefined)
})

t.test('each side has what it needs', async (t) => {
  t.match(resolveSecurity('createThing', { keyPair, allow: 'any' }, binds), { allow: 'any', serverKeys: [] })
  t.match(resolveSecurity('createThing', { keyPair, serverKey }, connects), { serverKeys: [serverKey] })
  t.match(resolveSecurity('createThing', { keyPair }, { ...connects, endpointsHaveKeys: true }), { serverKeys: [] })
  const rotating = [serverKey, keyPair.publicKey, serverKey]
  t.strictSame(
    resolveSecurity('createThing', { keyPair, serverKey: rotating }, connects)?.serverKeys,
    rotating.slice(0, 2),
  )
  const policy = [{ identity: '*', action: ['call', 'reflect'], target: 'acme.#' }] as const
  for (const allow of [{ one: serverKey }, { one: [serverKey] }, [serverKey], of({}), () => true, {}]) {
    t.equal(resolveSecurity('createThing', { keyPair, allow, serverKey, policy }, both)?.allow, allow)
  }
})

t.test('each broken rule is refused, by name and without a key', async (t) => {
  const rule = { identity: 'a', action: 'call', target: 'b' }
  const wrong: [options: unknown, sides: SecuritySides, message: RegExp][] = [
    [{ keyPair, allow: 'any' }, { binds: false, connects: false }, /security must be left out/],
    [{ keyPair }, binds, /allow must be given/],
    [{ keyPair, allow: 'any', serverKey }, connects, /allow must be left out/],
    [{ keyPair, policy: [], serverKey }, connects, /policy must be left out/],
    [{ keyPair, allow: 'any', serverKey }, binds, /serverKey must be left out/],
    [{ keyPair, allow: 'any' }, both, /serverKey must be given/],
    [{ keyPair }, connects, /serverKey must be given/],
    [{ keyPair, serverKey: [] }, connects, /serverKey must be a key/],
    [{ keyPair, serverKey: keyPair.secretKey.slice(1) }, connects, /serverKey must be a key/],
    [{ keyPair, serverKey: [serverKey, undefined] }, connects, /serverKey must be a key/],
    [{ keyPair, serverkey: serverKey }, connects, /'serverkey'/],
    [{ serverKey }, connects, /keyPair must be a key pair/],
    [{ keyPair: keyPair.secretKey, serverKey }, connects, /keyPair must be a key pair/],
    [{ keyPair: { ...keyPair, secretKey: other.secretKey }, serverKey }, connects, /do not belong together/],
    [{ keyPair: { publicKey: keyPair.secretKey, secretKey: keyPair.publicKey }, serverKey }, connects, /do not belong/],
    [
      { keyPair: { ...keyPair, secretKey: `${keyPair.secretKey.slice(1)}~` }, serverKey },
      connects,
      /secretKey must be/,
    ],
    [{ keyPair: { secretKey: keyPair.secretKey }, serverKey }, connects, /publicKey must be/],
    [{ keyPair, allow: keyPair.secretKey }, binds, /allow must be 'any'/],
    [{ keyPair, allow: 7 }, binds, /allow must be names/],
    [{ keyPair, allow: null }, binds, /allow must be names/],
    [{ keyPair, allow: 'any', policy: keyPair.secretKey }, binds, /policy: it must be a list of rules/],
    [{ keyPair, allow: 'any', policy: [{ ...rule, [keyPair.secretKey]: 1 }] }, binds, /alone, not a key/],
    [{ keyPair, allow: new Map([['a', serverKey]]) }, binds, /allow must be names with their keys, received Map/],
    [{ keyPair, allow: new Set([serverKey]) }, binds, /received Set/],
    [{ keyPair, allow: Promise.resolve({ a: serverKey }) }, binds, /received Promise/],
    [{ keyPair, allow: { one: `${keyPair.secretKey}x` } }, binds, /'one' .* must have keys/],
    [{ keyPair, allow: { one: [serverKey, 7] } }, binds, /'one' .* must have keys/],
    [{ keyPair, allow: [`${keyPair.secretKey}x`] }, binds, /allow\[0\] must have keys/],
    [{ keyPair, allow: { one: serverKey, two: serverKey } }, binds, /'two' .* that the entry 'one' .* has already/],
    [{ keyPair, allow: [serverKey, serverKey] }, binds, /has already/],
    [{ keyPair, allow: { [keyPair.secretKey]: 'one' } }, binds, /this is a key/],
    [{ keyPair, allow: { '*': serverKey } }, binds, /every peer/],
    [{ keyPair, allow: { '': serverKey } }, binds, /not empty/],
    [{ keyPair, allow: { ' a': serverKey } }, binds, /space/],
    [{ keyPair, allow: { 'a\nb': serverKey } }, binds, /control/],
    [{ keyPair, allow: { 'a\u202eb': serverKey } }, binds, /control/],
    [{ keyPair, allow: { '\ud800': serverKey } }, binds, /control/],
    [{ keyPair, allow: { ['a'.repeat(129)]: serverKey } }, binds, /128/],
    [{ keyPair, allow: 'any', policy: 'all' }, binds, /policy/],
    [{ keyPair, allow: 'any', policy: [7] }, binds, /policy\[0\] must be a rule/],
    [{ keyPair, allow: 'any', policy: [{ ...rule, identity: '' }] }, binds, /policy\[0\]\.identity/],
    [{ keyPair, allow: 'any', policy: [rule, { ...rule, action: 'calls' }] }, binds, /policy\[1\]\.action/],
    [{ keyPair, allow: 'any', policy: [{ ...rule, action: [] }] }, binds, /policy\[0\]\.action/],
    [{ keyPair, allow: 'any', policy: [{ ...rule, target: 'a..b' }] }, binds, /policy\[0\]\.target/],
    [{ keyPair, allow: 'any', policy: [{ ...rule, target: '#.b' }] }, binds, /policy\[0\]\.target/],
    [{ keyPair, allow: 'any', policy: [{ ...rule, targets: 'a' }] }, binds, /policy\[0\] .* not targets/],
  ]
  for (const [options, sides, message] of wrong) {
    const said = refusal(options, sides)
    t.match(said, message)
    t.match(said, /^createThing: security/)
    for (const key of [keyPair.secretKey, other.secretKey]) t.notOk(said.includes(key.slice(2, -2)), said)
  }
})

t.test('what is resolved shows no secret', async (t) => {
  const resolved = resolveSecurity('createThing', { keyPair: { ...keyPair }, serverKey }, connects)
  t.equal(resolved?.keyPair.secretKey, keyPair.secretKey)
  t.notOk(inspect(resolved, { depth: 9, showHidden: true }).includes(keyPair.secretKey))
})

t.test('inherited names are names', async (t) => {
  const list = JSON.parse(`{"__proto__": "${keyPair.publicKey}", "constructor": "${serverKey}"}`)
  t.ok(resolveSecurity('createThing', { keyPair, allow: list }, binds))
  t.equal(Reflect.get({}, 'publicKey'), undefined)
})
