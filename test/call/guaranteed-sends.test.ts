/** Items that must not be lost for want of room: they leave in order, when there is some, and not twice. */
import t from 'tap'
import { bufferFull } from '../../src/avro/codec.js'
import { type GuaranteedBody, GuaranteedSends } from '../../src/call/guaranteed-sends.js'
import { RivuletError } from '../../src/errors/index.js'
import type { SessionStreams } from '../../src/session/session-streams.js'

/** A session with room for so many items. */
class Narrow {
  room = 0
  ended = false
  readonly sent: number[] = []
  readonly asked: number[] = []
  readonly owed: GuaranteedSends

  /** @param maxBytes - What may wait. */
  constructor(maxBytes?: number) {
    this.owed = new GuaranteedSends(this.#streams, maxBytes)
  }

  readonly #streams = {
    send: (stream: number, _kind: number, _flags: number, body: GuaranteedBody) => {
      if (this.ended) throw new RivuletError('RIVULET_CLOSED', 'ended')
      if (this.room === 0) throw new RivuletError('RIVULET_OUTBOX_FULL', 'full')
      body.writeBody(Buffer.alloc(0), new DataView(new ArrayBuffer(0)), 0, 0)
      this.room -= 1
      this.sent.push(stream)
    },
    isWritable: (stream: number) => {
      this.asked.push(stream)
      return this.room > 0
    },
  } as Partial<SessionStreams> as SessionStreams

  send(stream: number, body: GuaranteedBody = { writeBody: () => 0 }): void {
    this.owed.send(stream, 16, 0, body)
  }
}

t.test('in order, as far as there is room', async (t) => {
  const narrow = new Narrow()
  for (const stream of [1, 2, 3]) narrow.send(stream)
  t.equal(narrow.owed.size, 3)
  t.strictSame(narrow.asked, [1, 2, 3], 'each asks to be told of room')
  narrow.room = 2
  narrow.owed.retry()
  t.strictSame(narrow.sent, [1, 2])
  narrow.owed.retry()
  t.equal(narrow.owed.size, 1)
  narrow.room = 5
  narrow.owed.retry()
  narrow.send(5)
  t.strictSame(narrow.sent, [1, 2, 3, 5])
  t.equal(narrow.owed.size, 0)
})

t.test('an item of another stream goes before those that wait, one of stream 0 does not', async (t) => {
  const narrow = new Narrow()
  narrow.send(1)
  narrow.room = 1
  narrow.send(2)
  t.strictSame(narrow.sent, [2], 'a small outcome does not wait for a large one')
  narrow.room = 1
  narrow.send(0)
  t.strictSame(narrow.sent, [2])
  narrow.room = 2
  narrow.owed.retry()
  t.strictSame(narrow.sent, [2, 1, 0])
})

t.test('what cannot be sent at all says so once, and holds up nothing', async (t) => {
  const narrow = new Narrow()
  const causes: unknown[] = []
  const bad: GuaranteedBody = {
    writeBody: () => {
      throw new Error('misfit')
    },
    unsendable: (cause) => {
      causes.push(cause)
      narrow.send(9)
    },
  }
  narrow.send(1, bad)
  narrow.send(2)
  narrow.room = 1
  narrow.owed.retry()
  t.match(causes, [{ message: 'misfit' }])
  t.strictSame(narrow.sent, [9], 'what it led to went at once, for there was room')
  narrow.room = 5
  narrow.owed.retry()
  t.strictSame(narrow.sent, [9, 2])
})

t.test('a session that ended takes all and keeps nothing', async (t) => {
  const narrow = new Narrow()
  narrow.send(1)
  narrow.ended = true
  narrow.owed.retry()
  narrow.send(2)
  t.equal(narrow.owed.size, 0)
  const other = new Narrow()
  other.send(1)
  other.owed.clear()
  t.equal(other.owed.size, 0)
})

t.test('what waits has a bound in bytes', async (t) => {
  const bytes = (size: number): GuaranteedBody => ({
    writeBody: (_bytes, _view, position, end) => {
      if (position + size > end) throw bufferFull
      return position + size
    },
  })
  const narrow = new Narrow(10_000)
  t.ok(narrow.owed.send(1, 16, 0, bytes(20_000)), 'one may be larger')
  t.notOk(narrow.owed.send(2, 16, 0, bytes(2000)))
  t.ok(narrow.owed.send(3, 16, 0, bytes(1000)), 'small ones always find room')
  t.equal(narrow.owed.size, 2)
  narrow.owed.clear()
  t.ok(narrow.owed.send(4, 16, 0, bytes(9000)))
})

t.test('what cannot be written is told when it would have to wait', async (t) => {
  const told: unknown[] = []
  const misfit = new Error('misfit')
  const narrow = new Narrow()
  const body: GuaranteedBody = {
    writeBody: () => {
      throw misfit
    },
    unsendable: (cause) => told.push(cause),
  }
  t.ok(narrow.owed.send(1, 16, 0, body))
  t.strictSame(told, [misfit])
  t.equal(narrow.owed.size, 0)
})
