/**
 * Contracts of topics: names and patterns from parameters, parameters from names, and what the compiler knows of them.
 */
import fc from 'fast-check'
import t from 'tap'
import {
  createPublisher,
  createSubscriber,
  defineTopic,
  type TopicContract,
  type TopicEvent,
  type TopicParameters,
  type TopicPublisher,
} from '../../patterns/pubsub/index.js'
import { type Infer, type InferInput, isSchema } from '../../src/avro/index.js'
import type { Stream } from '../../src/stream/index.js'
import { Job } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { Seen } from './seen.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only if the types are the same. */
function same<A, B>(value: Equal<A, B>): boolean {
  return value
}

const invalid = { code: 'RIVULET_INVALID_OPTION' }
const Ticks = defineTopic('ticks.{symbol}', Job)
const Rooms = defineTopic('{house}.rooms.{room}.jobs', Job)
const News = defineTopic('news', Job)

t.test('names, patterns, and back', async (t) => {
  t.equal(Ticks.text, 'ticks.{symbol}')
  t.equal(Ticks.schema, Job)
  t.equal(Ticks.name({ symbol: 'acme' }), 'ticks.acme')
  t.equal(Ticks.pattern({ symbol: 'acme' }), 'ticks.acme')
  t.equal(Ticks.pattern({ symbol: '*' }), 'ticks.*')
  t.equal(Ticks.pattern({ symbol: '#' }), 'ticks.#')
  t.equal(Rooms.pattern({ house: '*', room: 'b' }), '*.rooms.b.jobs')
  t.equal(News.name(), 'news')
  t.equal(News.pattern({}), 'news')
  t.strictSame(Ticks.match('ticks.acme'), { symbol: 'acme' })
  t.strictSame(Rooms.match('a.rooms.b.jobs'), { house: 'a', room: 'b' })
  t.strictSame(News.match('news'), {})
  for (const topic of ['', 'ticks', 'ticks.', 'ticks.*', 'ticks.#', 'ticks.a.b', 'tocks.a', '.ticks']) {
    t.equal(Ticks.match(topic), undefined, topic)
  }
  t.equal(Ticks.match(7 as never), undefined)
  t.ok(Object.isFrozen(Ticks))
})

t.test('what a name is made of is read back', async (t) => {
  const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  let names = 0
  fc.assert(
    fc.property(word, word, (house, room) => {
      let name: string
      try {
        name = Rooms.name({ house, room })
      } catch {
        return true
      }
      names += 1
      const found = Rooms.match(name)
      return found?.house === house && found.room === room
    }),
  )
  t.ok(names > 10, `${names} names`)
})

t.test('parameters that are refused', async (t) => {
  for (const [symbol, message] of [
    ['', 'symbol must be one word, without dots'],
    ['a.b', "symbol must be one word, without dots, received 'a.b'"],
    [undefined, 'symbol must be one word, without dots, received undefined'],
    [7, 'symbol must be one word'],
    ['a\nb', 'has a control character'],
    ['>', "the wildcard of a pattern is '#'"],
    ['x'.repeat(250), 'has 256 bytes, more than 255'],
  ] as const) {
    t.throws(() => Ticks.name({ symbol: symbol as string }), { ...invalid, message })
    t.throws(() => Ticks.pattern({ symbol: symbol as string }), { ...invalid, message })
  }
  for (const symbol of ['*', '#']) {
    t.throws(() => Ticks.name({ symbol }), {
      ...invalid,
      message: 'symbol must be one word; wildcards are for patterns',
    })
  }
  t.throws(() => Rooms.pattern({ house: '#', room: 'a' }), { ...invalid, message: /house .*'#' is for the last word/ })
  t.throws(() => Rooms.pattern({ house: 'a', room: '#' }), { ...invalid, message: /room .*'#' is for the last word/ })
  // @ts-expect-error a parameter is missing
  t.throws(() => Rooms.name({ house: 'a' }), { ...invalid, message: "topic '{house}.rooms.{room}.jobs': room must be" })
  // @ts-expect-error a parameter that there is none of
  t.throws(() => Ticks.name({ symbol: 'a', side: 'b' }), {
    ...invalid,
    message: "no parameter is named 'side'; it has symbol",
  })
  // @ts-expect-error it has no parameters
  t.throws(() => News.name({ symbol: 'a' }), { ...invalid, message: "no parameter is named 'symbol'; it has none" })
  // @ts-expect-error parameters are due
  t.throws(() => Ticks.name(), { ...invalid, message: 'symbol must be one word' })
  // @ts-expect-error no object
  t.throws(() => Ticks.name('acme'), {
    ...invalid,
    message: "parameters must be an object with a word for each, received 'acme'",
  })
  // @ts-expect-error null
  t.throws(() => Ticks.name(null), { ...invalid, message: 'parameters must be an object' })
})

t.test('texts that are refused', async (t) => {
  for (const [text, message] of [
    ['a-{b}', "has the word 'a-{b}'; a parameter is one whole word"],
    ['{a}{b}', 'a parameter is one whole word'],
    ['{}', 'a parameter is one whole word'],
    ['{a b}', 'a parameter is one whole word'],
    ['{1}', 'a parameter is one whole word'],
    ['{__proto__}', 'a parameter is one whole word'],
    ['a.}', 'a parameter is one whole word'],
    ['{a.b}', 'a parameter is one whole word'],
    ['{a}.{a}', "has the parameter 'a' twice"],
    ['a..b', 'has an empty word'],
    ['', 'has an empty word'],
    ['a.*', 'has a wildcard'],
    ['a.#', 'has a wildcard'],
    ['x'.repeat(256), 'has 256 bytes'],
    [7, 'must be a string'],
  ] as const) {
    t.throws(() => defineTopic(text as string, Job), { ...invalid, message })
  }
  t.strictSame(defineTopic('{constructor}.{toString}', Job).match('a.b'), { constructor: 'a', toString: 'b' })
  t.throws(() => defineTopic('{constructor}', Job).name({} as never), invalid, 'what objects inherit is no parameter')
  // @ts-expect-error no schema
  t.throws(() => defineTopic('a', { type: 'string' }), { ...invalid, message: 'defineTopic: schema must be a schema' })
})

eachTransport(t, 'publishers and subscribers share a contract', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const values = new Seen(subscriber.topic(Ticks, { symbol: '*' }))
  const events = new Seen(subscriber.events(Ticks, { symbol: '#' }))
  const news = new Seen(subscriber.topic(News))
  await subscriber.ready
  publisher.topic(News).next({ id: 1 })
  publisher.topic(Ticks, { symbol: 'acme' }).next({ id: 2 })
  await Promise.all([values.count(1), events.count(1), news.count(1)])
  t.match(values.values, [{ id: 2 }])
  t.match(news.values, [{ id: 1 }])
  t.strictSame(Ticks.match(events.values[0]?.topic ?? ''), { symbol: 'acme' })
  t.equal(subscriber.topic(Ticks, { symbol: '*' }), subscriber.topic('ticks.*', Job), 'the same stream as by its text')
  t.equal(
    publisher.topic(Ticks, { symbol: 'acme' }),
    publisher.topic('ticks.acme', Job),
    'the same sink as by its name',
  )
})

t.test('the compiler knows parameters and values', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  t.ok(isSchema(Ticks.schema))
  t.ok(same<TopicParameters<'ticks.{symbol}'>, { readonly symbol: string }>(true))
  t.ok(same<TopicParameters<'{house}.rooms.{room}.jobs'>, { readonly house: string; readonly room: string }>(true))
  t.ok(same<keyof TopicParameters<'news'>, never>(true))
  t.ok(same<keyof TopicParameters<'a.b-{c}.d'>, never>(true))
  const long = defineTopic(
    '{a}.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.{z}',
    Job,
  )
  t.ok(same<Parameters<typeof long.name>[0], { readonly a: string; readonly z: string }>(true))
  const sink = publisher.topic(Ticks, { symbol: 'a' })
  t.ok(same<typeof sink, TopicPublisher<InferInput<typeof Job>>>(true))
  const values = subscriber.topic(Ticks, { symbol: 'a' })
  t.ok(same<typeof values, Stream<Infer<typeof Job>>>(true))
  const events = subscriber.events(News)
  t.ok(same<typeof events, Stream<TopicEvent<Infer<typeof Job>>>>(true))
  const found = Rooms.match('x')
  t.ok(same<typeof found, { readonly house: string; readonly room: string } | undefined>(true))
  // @ts-expect-error a wrong name
  t.throws(() => publisher.topic(Ticks, { simbol: 'a' }), invalid)
  // @ts-expect-error not a word
  t.throws(() => subscriber.topic(Ticks, { symbol: 7 }), invalid)
  // @ts-expect-error without parameters
  t.throws(() => subscriber.events(Ticks), invalid)
  // @ts-expect-error a name without its schema
  t.throws(() => publisher.topic('ticks.a'), invalid)
  // @ts-expect-error a pattern without its schema
  t.throws(() => subscriber.topic('ticks.a'), invalid)
  const some: TopicContract<string, InferInput<typeof Job>, Infer<typeof Job>> = defineTopic('a.{b}' as string, Job)
  t.equal(publisher.topic(some, { b: 'c' }).name, 'a.c', 'a text that the compiler does not know')
})
