/** The table of open calls against a plain map, in the order of streams as they come and in any other. */
import fc from 'fast-check'
import t from 'tap'
import { OpenCalls } from '../../src/call/open-calls.js'

t.test('it holds what a map would', async (t) => {
  const step = fc.record({ stream: fc.integer({ min: -300, max: 300 }), adds: fc.boolean() })
  const property = fc.property(fc.array(step, { maxLength: 600, size: 'max' }), (steps) => {
    const calls = new OpenCalls<{ stream: number }>()
    const model = new Map<number, { stream: number }>()
    for (const { stream, adds } of steps) {
      if (!adds) {
        calls.delete(stream)
        model.delete(stream)
      } else if (!model.has(stream)) {
        const call = { stream }
        calls.add(call)
        model.set(stream, call)
      }
      if (calls.size !== model.size || calls.get(stream) !== model.get(stream)) return false
    }
    for (let stream = -310; stream < 310; stream++) if (calls.get(stream) !== model.get(stream)) return false
    return calls.all().length === model.size && calls.all().every((call) => model.get(call.stream) === call)
  })
  fc.assert(property, { numRuns: 200 })
  t.pass()
})

t.test('it grows with what is open, and not with what was', async (t) => {
  const calls = new OpenCalls<{ stream: number }>()
  const old = { stream: 1 }
  calls.add(old)
  for (let stream = 2; stream < 200_000; stream++) {
    calls.add({ stream })
    if (stream > 100) calls.delete(stream - 90)
  }
  t.ok(calls.size < 200)
  t.equal(calls.get(1), old, 'one that stays open keeps its place')
  for (let stream = 200_000; stream < 220_000; stream++) calls.add({ stream })
  t.ok(calls.get(210_000))
  calls.clear()
  t.strictSame(calls.all(), [])
  t.equal(calls.size, 0)
  t.equal(calls.get(210_000), undefined)
})
