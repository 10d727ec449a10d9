/** A session without a connection beside a live one: which calls it gives up, when, and which it keeps. */
import { NEVER, Subject } from 'rxjs'
import t from 'tap'
import type { CallHandler } from '../../src/call/served-service.js'
import { RivuletError } from '../../src/errors/index.js'
import { defaults } from '../../src/options/index.js'
import { Calling, collect, numbered, serverOf } from './calling.js'

const { failoverMs } = defaults

const never: CallHandler = () => NEVER

/** A client of a server that never answers. */
const twoServers = () => new Calling({ double: never, look: never, count: never, sum: never })

/** A server that answers with the number it was sent. */
const other = (calling: Calling) =>
  serverOf(calling, {
    double: numbered((n) => n),
    look: numbered((n) => n),
    count: numbered((n) => [n, n]),
    sum: never,
  })

t.test('idempotent calls move to a live server when their link has had no connection for a while', async (t) => {
  const calling = twoServers()
  const idempotent = calling.start('look', 1)
  const saidSo = calling.start('double', 2, { idempotent: true })
  const plain = calling.start('double', 3)
  const saidNot = calling.start('look', 4, { idempotent: false })
  const stream = collect(calling.start('count', 5, { idempotent: true }).responses)
  const plainStream = collect(calling.start('count', 6).responses)
  calling.pump()
  calling.connect(other(calling))
  calling.pair.cut()
  await calling.settle()
  calling.clock.advance(failoverMs - 1)
  await calling.settle()
  t.strictSame([idempotent.outcomes, saidSo.outcomes, stream.values], [[], [], []], 'the link may come back')
  calling.clock.advance(1)
  await calling.settle()
  t.strictSame([idempotent.outcomes, saidSo.outcomes, stream.values], [[1], [2], [5, 5]])
  t.equal(stream.end, 'complete')
  t.strictSame([plain.outcomes, saidNot.outcomes, plainStream.end], [[], [], undefined], 'these may have run')
  t.match(calling.client.stats(), { open: 3, waiting: 0, succeeded: 3 })
  calling.pair.resume()
  calling.pump()
  t.match(calling.host.stats(), { cancelled: 3, open: 3 }, 'the first server hears that nobody waits for them')
})

t.test('a link that is resumed in time keeps its calls', async (t) => {
  const calling = twoServers()
  const idempotent = calling.start('look', 1)
  calling.pump()
  calling.connect(other(calling))
  for (let cut = 0; cut < 3; cut++) {
    calling.pair.cut()
    calling.clock.advance(failoverMs - 1)
    calling.pair.resume()
    calling.pump()
  }
  calling.clock.advance(failoverMs)
  t.strictSame(idempotent.outcomes, [])
  t.match(calling.host.stats(), { cancelled: 0, open: 1 })
})

t.test('a live server that comes later is as good', async (t) => {
  const calling = twoServers()
  const idempotent = calling.start('look', 1)
  calling.pump()
  calling.pair.cut()
  calling.clock.advance(10 * failoverMs)
  await calling.settle()
  t.strictSame(idempotent.outcomes, [], 'there is no other: the link may be resumed')
  calling.connect(other(calling))
  await calling.settle()
  t.strictSame(idempotent.outcomes, [1])
})

t.test('a server that is suspected, or has not the method, is no alternative', async (t) => {
  const calling = twoServers()
  const idempotent = calling.start('look', 1)
  calling.pump()
  const suspect = calling.connect(other(calling))
  suspect.dialer.become({ suspected: true })
  calling.connect(serverOf(calling, { double: numbered((n) => n) }))
  calling.pair.cut()
  calling.clock.advance(failoverMs)
  await calling.settle()
  t.strictSame(idempotent.outcomes, [])
  suspect.dialer.become({ suspected: false })
  await calling.settle()
  t.strictSame(idempotent.outcomes, [1])
})

t.test('an idempotent stream that has begun ends; what it had given is kept', async (t) => {
  const items = new Subject<number>()
  const calling = new Calling({ count: () => items, sum: never })
  const begun = collect(calling.start('count', 1, { idempotent: true }).responses)
  const plain = collect(calling.start('count', 1).responses)
  const requests = new Subject<{ n: number }>()
  const taken = calling.start('sum', requests, { idempotent: true })
  await calling.settle()
  items.next(7)
  requests.next({ n: 1 })
  await calling.settle()
  calling.connect(other(calling))
  calling.pair.cut()
  calling.clock.advance(failoverMs)
  await calling.settle()
  const unknown = { code: 'RIVULET_UNKNOWN_OUTCOME', executed: 'maybe' }
  t.strictSame([begun.values, plain.values], [[7], [7]])
  t.match(begun.end, unknown)
  t.match(taken.outcomes, [unknown], 'its requests cannot be taken again')
  t.notOk(requests.observed)
  t.equal(plain.end, undefined, 'one that is not idempotent waits for its link')
  calling.pair.resume()
  items.complete()
  await calling.settle()
  t.equal(plain.end, 'complete')
  t.strictSame(calling.leftovers, {})
})

t.test('a call that has not left moves, whatever it is', async (t) => {
  const calling = twoServers()
  calling.pair.dialer.blocked = true
  const plain = calling.start('double', 3)
  calling.connect(other(calling))
  calling.pair.cut()
  calling.clock.advance(failoverMs)
  await calling.settle()
  t.strictSame(plain.outcomes, [3])
  t.match(calling.client.stats(), { open: 0, waiting: 0 })
})

t.test('closing leaves no timer', async (t) => {
  const calling = twoServers()
  calling.start('look', 1)
  calling.pump()
  calling.pair.cut()
  void calling.client.drain()
  await calling.client.stopAll(new RivuletError('RIVULET_CLOSED', 'closed'))
  t.equal(calling.clock.timers, 1, 'that of the deadline at the server')
})
