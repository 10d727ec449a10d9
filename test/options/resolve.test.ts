/** Options: what is refused and in which words, what comes out, and that the caller's object stays as it was. */
import t from 'tap'
import {
  describe,
  flag,
  instance,
  integer,
  milliseconds,
  oneOf,
  required,
  resolveOptions,
  signal,
  texts,
} from '../../src/options/index.js'

const rules = {
  maxBytes: integer({ min: 1, max: 10, fallback: 5 }),
  waitMs: milliseconds({ fallback: 100 }),
  endlessMs: milliseconds({ max: Number.POSITIVE_INFINITY, fallback: 100 }),
  insecure: flag(false),
  policy: oneOf(['block', 'drop'], 'block'),
  bind: texts('an endpoint or a list of endpoints'),
  date: instance('a Date', (value): value is Date => value instanceof Date, undefined),
  signal,
}

const resolve = (options: unknown) => resolveOptions('createThing', options, rules)

const refusal = (options: unknown): string => {
  try {
    resolve(options)
  } catch (error) {
    t.match(error, { code: 'RIVULET_INVALID_OPTION', name: 'RivuletError' })
    return (error as Error).message
  }
  return 'accepted'
}

t.test('what is left out takes its default, and the record is frozen', async (t) => {
  const expected = {
    maxBytes: 5,
    waitMs: 100,
    endlessMs: 100,
    insecure: false,
    policy: 'block',
    bind: [],
    date: undefined,
    signal: undefined,
  }
  for (const options of [undefined, null, {}, { maxBytes: undefined }]) t.strictSame(resolve(options), expected)
  t.ok(Object.isFrozen(resolve({})))
  t.ok(Object.isFrozen(resolve({ bind: ['a'] }).bind))
})

t.test('the caller keeps an object that never changes, and changing it later changes nothing', async (t) => {
  const options = Object.freeze({ bind: Object.freeze(['a', 'b']), maxBytes: 7 })
  t.strictSame(resolve(options).bind, ['a', 'b'])
  const list = ['a']
  const resolved = resolve({ bind: list })
  list.push('b')
  t.strictSame(resolved.bind, ['a'])
})

t.test('each option is read once', async (t) => {
  let reads = 0
  const options = {
    get maxBytes() {
      reads += 1
      return reads === 1 ? 7 : -1
    },
  }
  t.equal(resolve(options).maxBytes, 7)
  t.equal(reads, 1)
})

t.test('an unknown key is refused with the nearest name', async (t) => {
  t.equal(refusal({ maxByte: 1 }), "createThing: unknown option 'maxByte'; did you mean 'maxBytes'?")
  t.equal(refusal({ MAXBYTES: 1 }), "createThing: unknown option 'MAXBYTES'; did you mean 'maxBytes'?")
  t.equal(refusal({ binds: 1 }), "createThing: unknown option 'binds'; did you mean 'bind'?")
  t.equal(refusal({ somethingElse: undefined }), "createThing: unknown option 'somethingElse'")
  for (const name of ['__proto__', 'constructor', 'toString']) {
    t.equal(refusal(JSON.parse(`{"${name}": 1}`)), `createThing: unknown option '${name}'`)
  }
})

t.test('wrong types and values are refused by name, rule, value and type', async (t) => {
  const cases: [object, string][] = [
    [{ maxBytes: 0 }, 'maxBytes must be a whole number from 1 to 10, received 0 (number)'],
    [{ maxBytes: 11 }, 'maxBytes must be a whole number from 1 to 10, received 11 (number)'],
    [{ maxBytes: 1.5 }, 'maxBytes must be a whole number from 1 to 10, received 1.5 (number)'],
    [{ maxBytes: Number.NaN }, 'maxBytes must be a whole number from 1 to 10, received NaN (number)'],
    [{ maxBytes: '5' }, "maxBytes must be a whole number from 1 to 10, received '5' (string)"],
    [{ maxBytes: 5n }, 'maxBytes must be a whole number from 1 to 10, received 5 (bigint)'],
    [{ maxBytes: null }, 'maxBytes must be a whole number from 1 to 10, received null'],
    [{ waitMs: -1 }, 'waitMs must be milliseconds from 0 to 2147483647, received -1 (number)'],
    [
      { waitMs: Number.POSITIVE_INFINITY },
      'waitMs must be milliseconds from 0 to 2147483647, received Infinity (number)',
    ],
    [{ endlessMs: Number.NaN }, 'endlessMs must be milliseconds, 0 or more, received NaN (number)'],
    [{ insecure: 1 }, 'insecure must be true or false, received 1 (number)'],
    [{ policy: 'dorp' }, "policy must be one of 'block', 'drop', received 'dorp' (string)"],
    [{ bind: '' }, "bind must be an endpoint or a list of endpoints, received '' (string)"],
    [{ bind: [] }, 'bind must be an endpoint or a list of endpoints, received an array of 0'],
    [{ bind: ['a', 1] }, 'bind must be an endpoint or a list of endpoints, received an array of 2'],
    [{ date: {} }, 'date must be a Date, received an object'],
    [{ date: () => 1 }, 'date must be a Date, received a function'],
    [{ signal: { aborted: false } }, 'signal must be an AbortSignal, received an object'],
    [{ policy: 'x'.repeat(100) }, "policy must be one of 'block', 'drop', received a string of 100 characters"],
  ]
  for (const [options, message] of cases) t.equal(refusal(options), `createThing: ${message}`)
})

t.test('bounds belong to what is allowed', async (t) => {
  t.equal(resolve({ maxBytes: 1 }).maxBytes, 1)
  t.equal(resolve({ maxBytes: 10 }).maxBytes, 10)
  t.equal(resolve({ waitMs: 0 }).waitMs, 0)
  t.equal(resolve({ waitMs: 0.5 }).waitMs, 0.5)
  t.equal(resolve({ endlessMs: Number.POSITIVE_INFINITY }).endlessMs, Number.POSITIVE_INFINITY)
  t.strictSame(resolve({ bind: 'a' }).bind, ['a'], 'one text becomes a list')
})

t.test('what is required must be there', async (t) => {
  const strict = { schema: instance('a schema', (value): value is string => typeof value === 'string', required) }
  for (const options of [{}, { schema: undefined }]) {
    t.throws(() => resolveOptions('f', options, strict), { message: 'f: schema must be a schema, received undefined' })
  }
})

t.test('options that are no object are refused', async (t) => {
  t.equal(refusal('text'), "createThing: options must be an object, received 'text' (string)")
  t.equal(refusal([1, 2]), 'createThing: options must be an object, received an array of 2')
  t.equal(refusal(5), 'createThing: options must be an object, received 5 (number)')
})

t.test('a description never shows the inside of an object', async (t) => {
  t.equal(describe({ password: 'secret' }), 'an object')
  t.equal(describe(['secret']), 'an array of 1')
  t.equal(describe('k'.repeat(40)), 'a string of 40 characters')
  t.equal(describe(`${'k'.repeat(40)}\n`), 'a string of 41 characters')
  t.equal(describe('k'.repeat(41)), `'${'k'.repeat(41)}' (string)`)
  t.equal(describe(Symbol('s')), 'Symbol(s) (symbol)')
})
