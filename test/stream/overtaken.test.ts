/** Conflation tells which older item still waits when one is taken: a place that must not be passed. */
import fc from 'fast-check'
import t from 'tap'
import { decodeFailure } from '../../src/avro/decode-failure.js'
import { Inbound } from '../../src/stream/index.js'
import { turn } from '../support/events.js'
import { ArraySupply } from '../support/feed.js'

// deliveries are synchronous while the turn has a budget left
t.beforeEach(turn)

/** What waits: `key:number`, or `#number` for a notice, by numbers that rise. */
type Text = string

/** A conflated way in that notes what is overtaken, with a consumer that takes what it is told to. */
class Overtaking {
  readonly overtaken: [item: Text, oldest: Text][] = []
  readonly inbound: Inbound<Text>
  readonly #iterator: AsyncIterator<Text>

  constructor(maxKeys: number) {
    this.inbound = new Inbound<Text>({
      name: () => 'overtaking',
      changed: () => {},
      unreadable: (cause) => decodeFailure(cause, 'a message of the test'),
      report: () => {},
      conflation: {
        maxKeys,
        keyOf: (text) => text.split(':')[0],
        keyFailed: () => {},
        exceeded: () => {},
        overtakes: (item, oldest) => void this.overtaken.push([item, oldest]),
      },
    })
    this.#iterator = this.inbound.stream[Symbol.asyncIterator]()
  }

  /** Begins to want a message. */
  next(): Promise<IteratorResult<Text>> {
    return this.#iterator.next()
  }
}

const numberOf = (text: Text) => Number(text.slice(text.startsWith('#') ? 1 : text.indexOf(':') + 1))

t.test('a message that took the place of an older one is taken before one of another key', async (t) => {
  const all = new Overtaking(10)
  const first = all.next()
  all.inbound.push(new ArraySupply(['a:1']))
  await first
  all.inbound.push(new ArraySupply(['a:2', 'b:3', 'c:4', 'a:5']))
  for (const _ of [1, 2, 3]) await all.next()
  t.strictSame(all.overtaken, [['a:5', 'b:3']])
})

t.test('any course of events: the oldest of what waits, if it is older', async (t) => {
  let overtaken = 0
  const step = fc.oneof(
    fc.record({
      do: fc.constant('frame' as const),
      keys: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 }),
    }),
    fc.record({ do: fc.constant('note' as const) }),
    fc.record({ do: fc.constant('take' as const) }),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 15, maxLength: 40 }),
      fc.integer({ min: 2, max: 8 }),
      async (steps, maxKeys) => {
        const all = new Overtaking(maxKeys)
        let number = 0
        const text = (key: string) => {
          number += 1
          return key === '#' ? `#${number}` : `${key}:${number}`
        }
        const first = all.next()
        all.inbound.push(new ArraySupply([text('a')]))
        await first
        const waiting: Text[] = []
        const expected: [Text, Text][] = []
        const wait = (one: Text) => {
          const [key] = one.split(':')
          const same = one.startsWith('#') ? -1 : waiting.findIndex((other) => other.split(':')[0] === key)
          if (same >= 0) waiting[same] = one
          else waiting.push(one)
          if (waiting.length > maxKeys) waiting.shift()
        }
        for (const step of steps) {
          if (step.do === 'take') {
            const taken = waiting.shift()
            if (taken === undefined) continue
            const { value } = await all.next()
            if (value !== taken) return false
            const [oldest] = [...waiting].sort((one, other) => numberOf(one) - numberOf(other))
            if (oldest !== undefined && numberOf(oldest) < numberOf(taken)) expected.push([taken, oldest])
          } else if (step.do === 'note') {
            const note = text('#')
            all.inbound.note(note)
            wait(note)
          } else {
            const texts = step.keys.map(text)
            all.inbound.push(new ArraySupply(texts))
            texts.forEach(wait)
          }
        }
        overtaken += expected.length
        return JSON.stringify(all.overtaken) === JSON.stringify(expected)
      },
    ),
    { numRuns: 500 },
  )
  t.ok(overtaken > 300, `${overtaken} were overtaken`)
})
