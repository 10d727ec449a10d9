/**
 * Matching of topics against many patterns: agrees with matching one by one, while subscriptions come and go.
 */
import fc from 'fast-check'
import t from 'tap'
import { Interest, type Interested } from '../../patterns/pubsub/interest.js'
import { PatternTrie } from '../../patterns/pubsub/pattern-trie.js'
import { topicPart, topicPattern } from '../../patterns/pubsub/topic-name.js'

class Fake implements Interested {
  readonly pattern

  constructor(text: string) {
    this.pattern = topicPattern(text)
  }
}

const word = fc.constantFrom('a', 'b', 'c', '__proto__')
const topics = fc.array(word, { minLength: 1, maxLength: 4 })
const patterns = fc
  .tuple(fc.array(fc.oneof(word, fc.constant('*')), { maxLength: 4 }), fc.boolean())
  .map(([words, open]) => (open || words.length === 0 ? [...words, '#'] : words).join('.'))

t.test('finds the same subscriptions as one by one, each once', async (t) => {
  let found = 0
  const steps = fc.array(fc.tuple(fc.nat(), patterns, topics, fc.boolean()), { minLength: 20, maxLength: 60 })
  fc.assert(
    fc.property(steps, (all) => {
      const interest = new Interest<Fake>()
      const present: Fake[] = []
      const prefixes = () => new Set(present.map(({ pattern }) => String(pattern.prefix)))
      for (const [choice, pattern, topic, leaves] of all) {
        const before = prefixes()
        if (leaves && present.length > 0) {
          const [one] = present.splice(choice % present.length, 1) as [Fake]
          if (interest.leave(one) === prefixes().has(String(one.pattern.prefix))) return false
        } else {
          const one = new Fake(pattern)
          present.push(one)
          if (interest.enter(one) === before.has(String(one.pattern.prefix))) return false
        }
        const expected = present.filter((one) => one.pattern.matches(topic))
        const { topic: name, subscriptions: matching = [] } = interest.match(topicPart(topic.join('.'))) ?? {}
        if (name !== topic.join('.')) return false
        found += matching.length
        if (matching.length !== expected.length || !expected.every((one) => matching.includes(one))) return false
      }
      return true
    }),
    { numRuns: 2000 },
  )
  t.ok(found > 10_000, `${found} were found`)
})

t.test('what was removed leaves nothing behind', async (t) => {
  fc.assert(
    fc.property(fc.array(patterns, { maxLength: 40 }), fc.infiniteStream(fc.nat()), (texts, choices) => {
      const trie = new PatternTrie<number>()
      const left = texts.map((text, index) => ({ pattern: topicPattern(text), index }))
      for (const { pattern, index } of left) trie.add(pattern, index)
      while (left.length > 0) {
        if (trie.isEmpty) return false
        const [{ pattern, index }] = left.splice(choices.next().value % left.length, 1) as [(typeof left)[number]]
        trie.delete(pattern, index)
      }
      return trie.isEmpty
    }),
  )
  const trie = new PatternTrie<number>()
  for (const text of ['a.*', '*.b.#', '#']) {
    trie.delete(topicPattern(text), 1)
    t.ok(trie.isEmpty, 'what was never added')
  }
})

t.test('more topics than are kept, and more subscriptions of one topic', async (t) => {
  const interest = new Interest<Fake>()
  const fakes = Array.from({ length: 100 }, () => new Fake('many.#'))
  for (const fake of [...fakes, new Fake('t.*')]) interest.enter(fake)
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 20_000; i++) {
      const match = interest.match(topicPart(`t.${i}`))
      if (match?.topic !== `t.${i}` || match.subscriptions.length !== 1) t.fail(`t.${i}`)
    }
  }
  t.strictSame(interest.match(topicPart('many.a'))?.subscriptions, fakes)
  t.strictSame(interest.match(topicPart('many.a'))?.subscriptions, fakes)
  const kept = interest.match(topicPart('t.1'))
  t.equal(interest.match(topicPart('t.1')), kept, 'it is matched once')
  interest.leave(fakes[0] as Fake)
  t.strictSame(interest.match(topicPart('many.a'))?.subscriptions, fakes.slice(1))
  t.equal(kept?.subscriptions.length, 1, 'what was handed out does not change')
  for (let i = 0; i < 5000; i++) interest.match(topicPart(`t.${i}`))
  interest.enter(new Fake('t.#'))
  for (let i = 0; i < 5000; i++) {
    if (interest.match(topicPart(`t.${i}`))?.subscriptions.length !== 2) t.fail(`t.${i} does not match the new one`)
  }
})

t.test('what is no topic matches nothing', async (t) => {
  const interest = new Interest<Fake>()
  interest.enter(new Fake('#'))
  for (const part of ['', 'a', 'a..b.', '*.', 'a.#.']) t.equal(interest.match(Buffer.from(part)), undefined, part)
  t.equal(interest.match(Buffer.of(0xff, 0x2e)), undefined, 'bytes that are no text')
  t.equal(interest.match(topicPart('ü.🙂'))?.topic, 'ü.🙂')
})
