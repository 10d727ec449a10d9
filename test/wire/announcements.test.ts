/** When frames carry the schema of their writer: first, each second, and for those who come later. */
import t from 'tap'
import { Job, jobs } from '../support/job.js'
import { Writing } from '../support/writing.js'

/** One frame of one message; tells whether it carried the schema. */
function send(writing: Writing<{ id: number }>): boolean {
  writing.append(...jobs(1))
  writing.writer.flush()
  return writing.frames().at(-1)?.header.writerSchema !== null
}

const kinds = (writing: Writing<{ id: number }>) =>
  writing.frames().map(({ header }) => `${header.kind}${header.writerSchema === null ? '' : ' with schema'}`)

t.test('the first frame carries it, the next ones do not', async (t) => {
  const writing = new Writing(Job)
  t.strictSame([send(writing), send(writing), send(writing)], [true, false, false])
  t.same(JSON.parse(writing.frames()[0]?.header.writerSchema as string), Job.json)
})

t.test('while it sends, once a second', async (t) => {
  const writing = new Writing(Job)
  const carried: number[] = []
  for (let ms = 0; ms <= 3500; ms += 100) {
    if (send(writing)) carried.push(ms)
    writing.clock.advance(100)
  }
  t.strictSame(carried, [0, 1000, 2000, 3000])
})

t.test('once a second for each receiver, since frames go to one each', async (t) => {
  const writing = new Writing(Job)
  writing.spread = 3
  t.strictSame(
    [1, 2, 3, 4].map(() => send(writing)),
    [true, true, true, false],
  )
  writing.clock.advance(1000)
  t.strictSame(
    [1, 2, 3, 4, 5].map(() => send(writing)),
    [true, true, true, false, false],
  )
})

t.test('receivers that come later are told with the next frames', async (t) => {
  const writing = new Writing(Job)
  send(writing)
  writing.clock.advance(500)
  send(writing)
  writing.clock.advance(5000)
  writing.writer.introduce(2)
  t.strictSame([send(writing), send(writing), send(writing)], [true, true, false])
})

t.test('if a frame without it may have reached them first, they are told at once', async (t) => {
  const writing = new Writing(Job)
  send(writing)
  send(writing)
  writing.append({ id: 5 })
  writing.writer.introduce(2)
  t.strictSame(kinds(writing), [
    'data with schema',
    'data',
    'data with schema',
    'beacon with schema',
    'beacon with schema',
  ])
  t.match(writing.frames().at(-1)?.header, { count: 0, sequence: 4, position: 4, previous: 3 })
})

t.test('and also while frames without it are still waiting to leave', async (t) => {
  const writing = new Writing(Job)
  send(writing)
  send(writing)
  writing.clock.advance(60_000)
  writing.writer.introduce(1, true)
  t.strictSame(kinds(writing), ['data with schema', 'data', 'beacon with schema'])
})

t.test('what was written for receivers before, and has not left, does for those that come later', async (t) => {
  const writing = new Writing(Job)
  send(writing)
  send(writing)
  for (let receivers = 1; receivers <= 100; receivers++) writing.writer.introduce(receivers, true, receivers - 1)
  t.equal(kinds(writing).filter((kind) => kind === 'beacon with schema').length, 100, 'one for each, and not 5050')
  writing.writer.introduce(100, true, 100)
  t.equal(writing.frames().length, 102)
})

t.test('a writer that never sent has nobody to tell', async (t) => {
  const writing = new Writing(Job)
  writing.writer.introduce(1)
  t.equal(writing.cut.length, 0)
  t.ok(send(writing))
})
