/**
 * The readiness machine alone, in virtual time: who is asked when, and which answers prove what.
 */
import t, { type Test } from 'tap'
import { type Enough, Readiness } from '../../patterns/pubsub/readiness.js'
import { isRivuletError } from '../../src/errors/index.js'
import { turn } from '../support/events.js'
import { VirtualClock } from '../support/virtual-clock.js'

const atLeast =
  (count: number): Enough =>
  (_, links) =>
    links >= count

/** A machine, its requests, and what it was served. */
function machine(t: Test, connected?: () => number) {
  const clock = new VirtualClock()
  const asked: Buffer[] = []
  const served: [source: string, position: number, upTo: number][] = []
  const readiness = new Readiness({
    clock,
    request: (nonce) => asked.push(nonce),
    served: (...args) => served.push(args),
    ...(connected && { connected }),
  })
  t.teardown(() => readiness.close())
  const last = () => asked.at(-1) as Buffer
  return { clock, asked, served, readiness, last }
}

/** Lets time pass, and what happens in it. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1) {
    clock.advance(1)
    if (clock.now() % 50 === 0) await turn()
  }
  await turn()
}

/** What a promise came to so far. */
function watch(promise: Promise<void>): { state: 'waiting' | 'resolved' | 'rejected'; error?: unknown } {
  const seen: ReturnType<typeof watch> = { state: 'waiting' }
  promise.then(
    () => {
      seen.state = 'resolved'
    },
    (error: unknown) => {
      seen.state = 'rejected'
      seen.error = error
    },
  )
  return seen
}

t.test('subscriptions of one turn are asked for together, after the last of them', async (t) => {
  const { readiness, asked, served, last } = machine(t)
  t.strictSame([readiness.subscribed(), readiness.subscribed(), readiness.subscribed()], [1, 2, 3])
  t.equal(asked.length, 0)
  await turn()
  t.equal(asked.length, 1)
  t.equal(last().length, 16)
  readiness.answered(last(), 'a', 7)
  t.strictSame(served, [['a', 7, 3]])
})

t.test('an answer to an older request proves nothing of newer subscriptions', async (t) => {
  const { readiness, asked, served } = machine(t)
  readiness.subscribed()
  await turn()
  readiness.subscribed()
  const second = watch(readiness.wait(atLeast(1)).promise)
  await turn()
  readiness.answered(asked[0] as Buffer, 'a', 1)
  await turn()
  t.equal(second.state, 'waiting')
  readiness.answered(asked[1] as Buffer, 'a', 2)
  await turn()
  t.equal(second.state, 'resolved')
  t.strictSame(served, [
    ['a', 1, 1],
    ['a', 2, 2],
  ])
})

t.test('what is subscribed after the wait began is not waited for', async (t) => {
  const { readiness, asked } = machine(t)
  readiness.subscribed()
  const ready = watch(readiness.wait(atLeast(1)).promise)
  await turn()
  readiness.subscribed()
  await turn()
  readiness.answered(asked[0] as Buffer, 'a', 1)
  await turn()
  t.equal(ready.state, 'resolved')
})

t.test('lost requests are made again while somebody waits, and only then', async (t) => {
  const { readiness, asked, clock, last } = machine(t)
  readiness.subscribed()
  await turn()
  await pass(clock, 10_000)
  t.equal(asked.length, 1, 'nobody waits')
  const ready = watch(readiness.wait(atLeast(1)).promise)
  await turn()
  const before = asked.length
  await pass(clock, 199)
  t.equal(asked.length, before)
  await pass(clock, 1)
  t.equal(asked.length, before + 1)
  await pass(clock, 600)
  t.equal(asked.length, before + 4)
  t.equal(new Set(asked.map(String)).size, asked.length, 'each with a nonce of its own')
  readiness.answered(last(), 'a', 1)
  await pass(clock, 10_000)
  t.equal(ready.state, 'resolved')
  t.equal(asked.length, before + 4)
  t.equal(clock.timers, 0)
})

t.test('a publisher that takes long to answer each request is understood', async (t) => {
  const { readiness, asked, clock } = machine(t)
  readiness.subscribed()
  const ready = watch(readiness.wait(atLeast(1)).promise)
  await pass(clock, 60_000)
  readiness.answered(asked[0] as Buffer, 'a', 1)
  await turn()
  t.equal(ready.state, 'resolved')
})

t.test('answers that nobody asked for do nothing', async (t) => {
  const { readiness, asked, served } = machine(t)
  readiness.subscribed()
  const ready = watch(readiness.wait(atLeast(1)).promise)
  await turn()
  const forged = Buffer.from(asked[0] as Buffer)
  forged[0] = (forged[0] as number) ^ 1
  readiness.answered(forged, 'a', 1)
  readiness.answered(Buffer.alloc(16), 'a', 1)
  await turn()
  t.equal(ready.state, 'waiting')
  t.strictSame(served, [])
})

t.test('several publishers: one that answers twice is still one', async (t) => {
  const { readiness, clock, last } = machine(t)
  readiness.subscribed()
  const two = watch(readiness.wait((publishers) => publishers >= 2).promise)
  await turn()
  readiness.answered(last(), 'a', 1)
  readiness.answered(last(), 'a', 1)
  await pass(clock, 200)
  readiness.answered(last(), 'a', 1)
  await turn()
  t.equal(two.state, 'waiting', 'also over several requests')
  readiness.answered(last(), 'b', 1)
  await turn()
  t.equal(two.state, 'resolved')
})

t.test('a publisher that came back under a new identity does not stand for another that is away', async (t) => {
  const { readiness, asked, clock, last } = machine(t)
  readiness.subscribed()
  const two = watch(readiness.wait(atLeast(2)).promise)
  await turn()
  readiness.answered(asked[0] as Buffer, 'before', 1)
  await pass(clock, 200)
  readiness.answered(last(), 'after', 1)
  await turn()
  t.equal(two.state, 'waiting')
  readiness.answered(last(), 'other', 1)
  await turn()
  t.equal(two.state, 'resolved')
})

t.test('several links to one publisher are told from the number of its answers', async (t) => {
  // over n links there are n requests, and each answer comes over those links that are subscribed by then
  for (const [links, fewest] of [
    [1, 1],
    [2, 2],
    [3, 5],
  ] as const) {
    const { readiness, last } = machine(t)
    readiness.subscribed()
    const ready = watch(readiness.wait(atLeast(links)).promise)
    await turn()
    for (let count = 1; count <= links ** 2; count++) {
      t.equal(ready.state, count > fewest ? 'resolved' : 'waiting', `${links} links, before answer ${count}`)
      readiness.answered(last(), 'a', 1)
      await turn()
    }
    t.equal(ready.state, 'resolved')
    const more = watch(readiness.wait(atLeast(links + 1)).promise)
    await turn()
    for (let count = 0; count < links ** 2; count++) readiness.answered(last(), 'a', 1)
    await turn()
    t.equal(more.state, 'waiting', `${links} links never pass for ${links + 1}`)
  }
})

t.test('a new link makes what was asked before it worthless, and asks anew', async (t) => {
  const { readiness, asked, served, last } = machine(t)
  readiness.subscribed()
  const ready = watch(readiness.wait(atLeast(1)).promise)
  await turn()
  readiness.linked()
  await turn()
  t.equal(asked.length, 2)
  readiness.answered(asked[0] as Buffer, 'a', 1)
  await turn()
  t.equal(ready.state, 'waiting')
  t.strictSame(served, [])
  readiness.answered(last(), 'a', 2)
  await turn()
  t.equal(ready.state, 'resolved')
})

t.test('who gives up is forgotten', async (t) => {
  const { readiness, asked, clock } = machine(t)
  const { promise, forget } = readiness.wait(atLeast(1))
  const ready = watch(promise)
  await turn()
  const before = asked.length
  forget()
  await pass(clock, 1000)
  t.equal(asked.length, before)
  t.equal(clock.timers, 0)
  readiness.answered(asked[0] as Buffer, 'a', 1)
  await turn()
  t.equal(ready.state, 'waiting')
})

t.test('closing rejects who waits and who comes later, and stops asking', async (t) => {
  const { readiness, asked, clock } = machine(t)
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', note)
  t.teardown(() => process.off('unhandledRejection', note))
  readiness.subscribed()
  readiness.wait(atLeast(1)) // nobody looks at it
  const waiting = watch(readiness.wait(atLeast(1)).promise)
  readiness.close()
  const late = watch(readiness.wait(atLeast(1)).promise)
  await pass(clock, 1000)
  for (const seen of [waiting, late]) {
    t.equal(seen.state, 'rejected')
    t.ok(isRivuletError(seen.error, 'RIVULET_CLOSED'))
  }
  await turn()
  t.strictSame(unhandled, [])
  t.equal(asked.length, 0, 'not even what was due in this turn')
  t.equal(clock.timers, 0)
})

t.test('links that have not answered are asked again for a while', async (t) => {
  let links = 0
  const { clock, asked, readiness, last } = machine(t, () => links)
  readiness.subscribed()
  await pass(clock, 5000)
  t.equal(asked.length, 1, 'without a link, nobody is asked again')
  links = 2
  readiness.linked()
  await pass(clock, 100)
  t.equal(asked.length, 2)
  readiness.answered(last(), 'one', 5)
  await pass(clock, 200)
  t.equal(asked.length, 3, 'the answer over one link is lost')
  readiness.answered(last(), 'one', 5)
  readiness.answered(last(), 'other', 7)
  await pass(clock, 5000)
  t.equal(asked.length, 3)
  readiness.linked()
  await pass(clock, 200_000)
  t.equal(asked.length, 3 + 1 + 8, 'one that never answers is asked with doubling pauses, for about a minute')
})

t.test('each request has a nonce of its own', async (t) => {
  const { asked, readiness } = machine(t)
  for (let request = 0; request < 50; request++) {
    readiness.ask()
    await turn()
  }
  t.ok(asked.every(({ length }) => length === 16))
  t.equal(new Set(asked.map((nonce) => nonce.toString('hex'))).size, 50)
})

t.test('an answer to a request from before a reconnection, behind one to the newest, has it asked again', async (t) => {
  const { clock, readiness, asked, last } = machine(t)
  readiness.subscribed()
  await turn()
  const [old] = asked as [Buffer]
  readiness.linked()
  await turn()
  t.equal(asked.length, 2)
  t.notOk(readiness.answered(old, 'a', 1), 'the newest has no answer yet, and is about to come')
  await pass(clock, 1000)
  t.equal(asked.length, 2)
  t.ok(readiness.answered(last(), 'a', 1))
  for (let answer = 0; answer < 9; answer++) t.notOk(readiness.answered(old, 'hub', 1, 'kept'))
  await pass(clock, 199)
  t.equal(asked.length, 2)
  await pass(clock, 1)
  t.equal(asked.length, 3, 'once for all of them')
  await pass(clock, 1000)
  t.equal(asked.length, 3)
  t.ok(readiness.answered(last(), 'a', 2))
  readiness.answered(old, 'hub', 1)
  readiness.close()
  await pass(clock, 1000)
  t.equal(asked.length, 3, 'nobody asks who is closed')
})
