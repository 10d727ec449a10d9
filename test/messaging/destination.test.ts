/** The messages to one name whose holder changes: what may be repeated, and to whom. */
import t from 'tap'
import { Destination } from '../../patterns/messaging/destination.js'
import { PeerSend } from '../../patterns/messaging/peer-send.js'
import type { DeliverAnswer, DeliverRequest } from '../../patterns/messaging/wire.js'
import type { Codec } from '../../src/avro/codec.js'
import { codecOf } from '../../src/avro/codec.js'
import type { Conversation, ConversationStream } from '../../src/conversation/index.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { Report } from './peers.js'
import { incarnation } from './roster-lab.js'

const codec = codecOf(Report) as Codec<unknown, unknown>

/** A stream that takes what there is, and answers nothing. */
class Stream implements ConversationStream {
  readonly taken: DeliverRequest[] = []
  constructor(readonly user: Conversation<DeliverRequest, DeliverAnswer>) {}

  start(): void {
    this.user.open()
    this.user.answer({ opened: { maxMessageBytes: 1000, expected: 1 } })
    this.wake()
  }

  wake(): void {
    for (let request = this.user.take(); request !== undefined; request = this.user.take()) this.taken.push(request)
  }

  renew(): void {}
  async end(): Promise<void> {}
  close(): void {}
}

function open() {
  const destination = new Destination('b', codec, {
    clock: new VirtualClock(),
    from: { name: 'a', incarnation: incarnation(1), identity: undefined },
    epoch: () => 1,
    nextAttempt: () => 1,
    hasLeft: () => false,
    outboxBytes: 1_000_000,
    name: () => 'a',
    isOpen: () => true,
    onClosing: () => () => {},
    report: () => {},
    waitUntil: async () => {},
  })
  const send = (delivery: 'at-most-once' | 'at-least-once') => {
    const send = new PeerSend(delivery)
    const outcome = send.promise.then(
      () => 'taken',
      ({ code, executed }) => `${code} ${executed}`,
    )
    destination.sender.send(send, destination.intakeOf(codec), { id: 1 })
    return { send, outcome }
  }
  /** An incarnation has the name now; returns how many batches it was sent. */
  const held = async (number: number) => {
    const streams: Stream[] = []
    destination.isPresent = true
    destination.lead({
      incarnation: incarnation(number),
      via: {},
      open: (user) => {
        const stream = new Stream(user)
        streams.push(stream)
        return stream
      },
    })
    await new Promise((resolve) => setImmediate(resolve))
    return streams[0]?.taken.length ?? 0
  }
  return { send, held }
}

t.test('a message is repeated to the next incarnation if it may be, and has no outcome otherwise', async (t) => {
  const { send, held } = open()
  const [once, again] = [send('at-most-once'), send('at-least-once')]
  t.equal(await held(1), 2)
  t.equal(await held(2), 1)
  t.equal(await once.outcome, 'RIVULET_UNKNOWN_OUTCOME maybe')
  t.notOk(again.send.done)
})

t.test('it is not repeated to an incarnation that has the name again', async (t) => {
  const { send, held } = open()
  const again = send('at-least-once')
  for (const number of [1, 2]) t.equal(await held(number), 1)
  t.equal(await held(1), 0)
  t.equal(await again.outcome, 'RIVULET_UNKNOWN_OUTCOME maybe')
})

t.test('of more former incarnations than are remembered, each counts as one', async (t) => {
  const { send, held } = open()
  const again = send('at-least-once')
  for (let number = 1; number <= 65; number++) t.equal(await held(number), 1)
  t.notOk(again.send.done)
  t.equal(await held(66), 0)
  t.equal(await again.outcome, 'RIVULET_UNKNOWN_OUTCOME maybe')
})

t.test('messages that came later do not count what was before them', async (t) => {
  const { send, held } = open()
  for (let number = 1; number <= 70; number++) await held(number)
  const again = send('at-least-once')
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(await held(3), 1)
  t.notOk(again.send.done)
})
