/** The outbox and those who gather messages instead of adding frames: what counts, and when they are called. */
import t from 'tap'
import { Outbox } from '../../src/socket/index.js'
import { turn } from '../support/events.js'

/** An outbox with a transport that takes a frame when the test says so. */
class Held {
  readonly outbox: Outbox
  #taken: (() => void) | undefined

  constructor(limitBytes: number) {
    this.outbox = new Outbox(limitBytes, {
      send: () => new Promise((resolve) => (this.#taken = () => resolve(undefined))),
      failed: (error) => t.fail(error.message),
    })
  }

  add(text: string): void {
    this.outbox.add({ parts: Buffer.from(text), messages: 1, bytes: text.length })
  }

  /** Takes the frame at hand. */
  async take(): Promise<void> {
    while (!this.#taken) await turn()
    const taken = this.#taken
    this.#taken = undefined
    taken()
    await turn()
  }

  async takeAll(): Promise<void> {
    while (this.outbox.bytes > 0) await this.take()
  }
}

t.test('what gathers counts in the limit, until it is in a frame', async (t) => {
  const held = new Held(10)
  const { outbox } = held
  outbox.gather(6)
  t.equal(outbox.isFull(), false)
  held.add('1234')
  t.equal(outbox.isFull(), true)
  let hasRoom = false
  void outbox.whenRoom().then(() => {
    hasRoom = true
  })
  outbox.gather(1)
  outbox.gather(-7)
  held.add('1234567')
  await turn()
  t.equal(hasRoom, false)
  await held.take()
  t.equal(hasRoom, true)
  t.match(outbox, { bytes: 7 })
  outbox.gather(3)
  t.equal(outbox.isFull(), true)
  outbox.stop()
  t.equal(outbox.isFull(), false, 'nothing is left')
})

t.test('who gathers is called once: when so many frames have left, or none waits', async (t) => {
  const held = new Held(2)
  const { outbox } = held
  let calls = 0
  const call = () => {
    calls += 1
  }
  for (const text of ['a', 'b', 'c', 'd', 'e']) held.add(text)
  t.match(outbox, { added: 5, left: 0 })
  outbox.whenFewer(1, () => t.fail('another took its place'))
  outbox.whenFewer(2, call)
  await held.take()
  t.equal(calls, 0)
  await held.take()
  t.equal(calls, 1)
  await held.take()
  t.equal(calls, 1, 'once')
  outbox.whenFewer(100, call)
  await held.takeAll()
  t.equal(calls, 2, 'nothing waits')
  t.match(outbox, { added: 5, left: 5 })
  for (const text of ['f', 'g', 'h']) held.add(text)
  outbox.whenFewer(8, call)
  t.equal(outbox.dropOldest(), 2)
  t.match(outbox, { added: 8, left: 7 }, 'dropped frames have left')
  await held.take()
  t.equal(calls, 3)
  held.add('i')
  outbox.whenFewer(0, call)
  outbox.stop()
  await held.take()
  t.equal(calls, 3, 'nothing leaves any more')
})

t.test('who gathers is called when a transport comes to an outbox in which nothing waits', async (t) => {
  const outbox = new Outbox(1)
  for (const text of ['a', 'b']) outbox.add({ parts: Buffer.from(text), messages: 1, bytes: 1 })
  let calls = 0
  outbox.whenFewer(100, () => {
    calls += 1
  })
  outbox.dropOldest()
  t.equal(calls, 0)
  outbox.attach({ send: async () => undefined, failed: (error) => t.fail(error.message) })
  t.equal(calls, 1)
})

t.test('it is ahead while as many frames wait as leave in one turn', async (t) => {
  const held = new Held(100)
  for (let frame = 0; frame < 16; frame++) held.add('a')
  t.equal(held.outbox.isAhead, false, 'one is with the transport')
  held.add('a')
  t.equal(held.outbox.isAhead, true)
  await held.take()
  t.equal(held.outbox.isAhead, false)
})
