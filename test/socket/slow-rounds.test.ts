/** Rounds: how long a socket rests, what is done in between, and when that ends. */
import t from 'tap'
import type { NativeSocket } from '../../src/socket/native.js'
import { SlowRounds } from '../../src/socket/slow-rounds.js'
import { turn } from '../support/events.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** A native socket that takes in so many bytes, a message of each, when it is called and has no message left. */
function watch(brings: number[], pending: number[] = []) {
  const clock = new VirtualClock()
  let bytes = 0
  let prefixes = 0
  let ended = false
  let waiting = false
  const read: number[] = []
  const failures: unknown[] = []
  const native = {
    sendTimeout: -1,
    receiveTimeout: 1000,
    getInt32Option: () => prefixes,
    async receive() {
      if (pending.length === 0) {
        const taken = brings.splice(0, 1).filter((size) => size > 0)
        pending.push(...taken)
        prefixes += taken.length
        bytes += taken.reduce((sum, size) => sum + size, 0)
      }
      const size = pending.shift()
      if (size === undefined) throw Object.assign(new Error('nothing'), { code: 'EAGAIN' })
      return [Buffer.alloc(size)]
    },
  }
  const pressure = { bytes: () => bytes, limitBytes: 100_000 }
  const rounds = new SlowRounds(native as unknown as NativeSocket, pressure, {
    clock,
    isWaiting: () => waiting,
    message: ([frame]) => read.push(frame?.length ?? 0),
    failed: (error) => failures.push(error),
    ended: () => {
      ended = true
    },
  })
  return {
    clock,
    native,
    rounds,
    read,
    failures,
    isEnded: () => ended,
    set waiting(on: boolean) {
      waiting = on
    },
    /** Lets so much time pass, and what it sets off come to rest. */
    async pass(ms: number): Promise<void> {
      clock.advance(ms)
      for (let turns = 0; turns < 10; turns++) await turn()
    },
  }
}

t.test('a rest is longer the more the last round brought, within its bounds', async (t) => {
  const { pass, read } = watch([1000, 1, 50_000, 1, 1])
  await pass(9)
  t.strictSame(read, [], 'it begins with a rest')
  await pass(1)
  t.strictSame(read, [1000])
  await pass(49)
  t.equal(read.length, 1)
  await pass(1)
  t.equal(read.length, 2, '1,000 of 100,000 bytes take a hundredth of 5 s')
  await pass(9)
  t.equal(read.length, 2)
  await pass(1)
  t.equal(read.length, 3)
  await pass(249)
  t.equal(read.length, 3)
  await pass(1)
  t.equal(read.length, 4, 'no rest is longer than 250 ms')
})

t.test('what was taken in is read without more, and a round that brings nothing is the last', async (t) => {
  const world = watch([100, 0], [1, 2, 3])
  const { pass, read, native } = world
  t.match(native, { sendTimeout: 0, receiveTimeout: 0 }, 'otherwise each call would look for more first')
  await pass(10)
  t.strictSame(read, [1, 2, 3, 100])
  t.notOk(world.isEnded())
  await pass(10)
  t.ok(world.isEnded())
  t.match(native, { sendTimeout: -1, receiveTimeout: 1000 })
})

t.test('frames leave between rests', async (t) => {
  const { pass, rounds } = watch([10, 10, 10, 10])
  let mayLeave = false
  void rounds.rest?.then(() => {
    mayLeave = true
  })
  await pass(9)
  t.notOk(mayLeave)
  await pass(1)
  t.ok(mayLeave)
  t.ok(rounds.rest, 'it rests again')
})

t.test('stopping wakes what waits, and no round follows', async (t) => {
  const { pass, rounds, clock, read } = watch([10])
  const waiting = rounds.rest
  rounds.stop()
  await waiting
  t.equal(rounds.rest, undefined)
  t.equal(clock.timers, 0)
  await pass(1000)
  t.strictSame(read, [])
})

t.test('a socket that cannot be read is reported', async (t) => {
  const { pass, native, failures } = watch([10])
  native.receive = () => Promise.reject(Object.assign(new Error('broken'), { code: 'ETERM' }))
  await pass(10)
  t.equal(failures.length, 1)
})
