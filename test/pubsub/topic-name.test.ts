/**
 * Names and patterns of topics: what is one, how it looks on the wire, and which topics a pattern fits.
 */
import fc from 'fast-check'
import t from 'tap'
import { topicPart, topicPattern, wordsOnWire } from '../../patterns/pubsub/topic-name.js'

const invalid = { code: 'RIVULET_INVALID_OPTION' }

t.test('names on the wire: each word ends with a dot', async (t) => {
  for (const [name, part] of [
    ['ticks', 'ticks.'],
    ['ticks.acme', 'ticks.acme.'],
    ['a b.ü.🙂', 'a b.ü.🙂.'],
    ['a*.#b', 'a*.#b.'],
    ['__proto__.constructor', '__proto__.constructor.'],
  ] as const) {
    t.equal(topicPart(name).toString(), part)
    t.strictSame(wordsOnWire(Buffer.from(part)), name.split('.'))
  }
})

t.test('patterns on the wire: the literal words before the first wildcard', async (t) => {
  for (const [pattern, prefix, exact] of [
    ['ticks', 'ticks.', true],
    ['ticks.acme', 'ticks.acme.', true],
    ['ticks.*', 'ticks.', false],
    ['ticks.*.last', 'ticks.', false],
    ['ticks.#', 'ticks.', false],
    ['ticks.*.#', 'ticks.', false],
    ['*', '', false],
    ['#', '', false],
    ['*.acme', '', false],
  ] as const) {
    const found = topicPattern(pattern)
    t.equal(found.prefix.toString(), prefix, pattern)
    t.equal(found.exact, exact, pattern)
    t.equal(found.text, pattern)
  }
})

t.test('what is neither a name nor a pattern', async (t) => {
  const hostile = ['', '.', 'a.', '.a', 'a..b', '\0', 'a\0b', 'a\nb', '\u007f', 'a\ud800', '\udc00.b', 'x'.repeat(256)]
  const values = [undefined, null, 1, {}, ['a'], Symbol('a'), { toString: () => 'a' }] as unknown as string[]
  for (const text of [...hostile, ...values, 'ü'.repeat(128)]) {
    t.throws(() => topicPart(text), invalid)
    t.throws(() => topicPattern(text), invalid)
  }
  for (const text of ['*', '#', 'a.*', 'a.#', '*.b', '#.b']) t.throws(() => topicPart(text), invalid)
  for (const text of ['#.a', 'a.#.b', '#.#', 'a.#.*']) t.throws(() => topicPattern(text), invalid)
  const longest = `${'x'.repeat(127)}.${'y'.repeat(127)}`
  t.equal(topicPart(longest).length, 256)
  t.strictSame(wordsOnWire(topicPart(longest)), longest.split('.'), 'what may be sent is understood')
  t.throws(() => topicPart('a.*'), { message: /'a\.\*'.*wildcard/ }, 'the error names what was given')
})

t.test('wildcards of other systems are refused, and the error names the one to use', async (t) => {
  for (const [word, ours] of [
    ['>', "'#'"],
    ['**', "'#'"],
    ['+', "'*'"],
  ] as const) {
    for (const text of [word, `a.${word}`, `${word}.b`, `a.${word}.#`]) {
      t.throws(() => topicPattern(text), { ...invalid, message: `'${word}'; the wildcard of a pattern is ${ours}` })
    }
    t.throws(() => topicPart(`a.${word}`), { ...invalid, message: `'${word}'; the wildcard of a pattern is ${ours}` })
    t.strictSame(wordsOnWire(Buffer.from(`a.${word}.`)), ['a', word], 'other publishers may have such topics')
  }
  t.equal(topicPattern('a>.+b').exact, true, 'as parts of a word they are no wildcards')
})

t.test('errors say what is wrong', async (t) => {
  for (const [text, message] of [
    ['a..b', 'has an empty word'],
    ['x'.repeat(256), 'has 256 bytes, more than 255'],
    ['a\nb', 'has a control character'],
    ['a\ud800', 'has half of a surrogate pair'],
    ['a.#.b', "has a '#' before its last word; '*' is one word there"],
    [7 as never, 'must be a string'],
  ] as const) {
    t.throws(() => topicPattern(text), { ...invalid, message: `is not a pattern: it ${message}` })
  }
  t.throws(() => topicPart('a.*'), { ...invalid, message: 'has a wildcard; only patterns of subscribers may' })
})

t.test('topic parts that are none', async (t) => {
  const parts = ['', '.', 'a', 'a.b', '.a.', 'a..b.', '..', 'a\0.', '\0a.', 'a\n.', 'a.*.', '#.', `${'x'.repeat(256)}.`]
  for (const part of parts) t.equal(wordsOnWire(Buffer.from(part)), undefined, JSON.stringify(part))
  t.equal(wordsOnWire(Buffer.of(0xff, 0x2e)), undefined, 'bytes that are no text')
  t.equal(wordsOnWire(Buffer.of(0x61, 0xed, 0xa0, 0x80, 0x2e)), undefined, 'a lone surrogate')
})

/** The definition of matching, word by word. */
function fits(pattern: readonly string[], topic: readonly string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return topic.length === 0
  if (first === '#') return true
  const [word, ...others] = topic
  return word !== undefined && (first === '*' || first === word) && fits(rest, others)
}

t.test('matching: agrees with its definition, and so does what ZeroMQ lets through', async (t) => {
  const word = fc.constantFrom('a', 'b', 'ab', '__proto__', '*a', 'ü')
  const topics = fc.array(word, { minLength: 1, maxLength: 5 })
  const fixed = fc.array(fc.oneof({ weight: 2, arbitrary: word }, fc.constant('*')), { maxLength: 5 })
  const patterns = fc
    .tuple(fixed, fc.boolean())
    .map(([words, open]) => (open || words.length === 0 ? [...words, '#'] : words))
  let matched = 0
  fc.assert(
    fc.property(patterns, topics, (words, topic) => {
      const pattern = topicPattern(words.join('.'))
      const expected = fits(words, topic)
      if (expected) matched += 1
      const passes = topicPart(topic.join('.')).subarray(0, pattern.prefix.length).equals(pattern.prefix)
      return pattern.matches(topic) === expected && (passes || !expected)
    }),
    { numRuns: 5000 },
  )
  t.ok(matched > 100, `${matched} pairs fitted`)
})

t.test('matching: the cases that matter', async (t) => {
  const fitting = (pattern: string, topic: string) => topicPattern(pattern).matches(topic.split('.'))
  t.ok(fitting('ticks.#', 'ticks'), '# is zero words too')
  t.ok(fitting('ticks.#', 'ticks.a.b.c'))
  t.ok(fitting('#', 'anything'))
  t.notOk(fitting('ticks.#', 'ticksets'))
  t.ok(fitting('ticks.*', 'ticks.a'))
  t.notOk(fitting('ticks.*', 'ticks'))
  t.notOk(fitting('ticks.*', 'ticks.a.b'))
  t.notOk(fitting('ticks.*.#', 'ticks'))
  t.ok(fitting('*.*', 'a.b'))
  t.notOk(fitting('ticks', 'ticks.a'))
})

t.test('whatever may be a name survives the wire', async (t) => {
  const sent = fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }), (text) => {
    let part: Buffer
    try {
      part = topicPart(text)
    } catch {
      return true
    }
    return wordsOnWire(part)?.join('.') === text && topicPattern(text).matches(text.split('.'))
  })
  t.doesNotThrow(() => fc.assert(sent))
  const received = fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    const words = wordsOnWire(Buffer.from(bytes))
    // what is understood could have been sent
    return words === undefined || topicPart(words.join('.')).equals(bytes)
  })
  t.doesNotThrow(() => fc.assert(received))
})
