/** What the outbox of a sender makes of what a host says: refusals, gaps, and a host that knows nothing. */
import t from 'tap'
import { type Codec, codecOf } from '../../src/avro/codec.js'
import { RivuletError } from '../../src/errors/index.js'
import { PendingSend } from '../../src/reliable-send/pending-send.js'
import type { Extras } from '../../src/reliable-send/protocol.js'
import { SendOutbox } from '../../src/reliable-send/send-outbox.js'
import type { Owner } from '../../src/reliable-send/sent-batch.js'
import { TimedSends } from '../../src/reliable-send/timed-sends.js'
import { Job } from '../support/job.js'

type Outcome = string | RivuletError

/** An outbox whose host is the test. */
function open(limitBytes = 1_000_000) {
  const lost: { reason: string; messages: number; error: RivuletError }[] = []
  const outbox = new SendOutbox<{ id: number }, unknown, Extras>(
    codecOf(Job) as Codec<{ id: number }, unknown>,
    1_000_000,
    {
      opening: undefined,
      costOf: () => 0,
      limitBytes,
      wake: () => {},
      lost: (reason, messages, _unreported, error) => lost.push({ reason, messages, error }),
    },
  )
  const outcomes = new Map<number, Outcome>()
  const send = (id: number) => {
    const owner: Owner<Extras> = {
      stored: (_, position, duplicate) => outcomes.set(id, `${position}${duplicate ? ' duplicate' : ''}`),
      failed: (error) => outcomes.set(id, error),
    }
    outbox.append({ id }, owner)
    outbox.flush()
  }
  const begin = () => {
    outbox.open()
    outbox.answer({ opened: { maxMessageBytes: 1_000_000 } })
  }
  /** Sends one message as a batch of its own; returns its number and sequence. */
  const leave = () => {
    const { number, sequence } = outbox.take()?.batch ?? { number: 0, sequence: 0 }
    return { number, sequence }
  }
  begin()
  return { outbox, outcomes, lost, send, begin, leave }
}

const failed = { code: 'RIVULET_STORE_FAILED', message: 'the disk is gone' }

t.test('a host whose store cannot be read: nobody knows, and what follows keeps its number', async (t) => {
  const { outbox, outcomes, send, leave } = open()
  send(1)
  const first = leave()
  send(2)
  const second = leave()
  t.match([first.sequence, second.sequence], [1, 2])
  outbox.answer({ refused: [{ number: first.number, expected: 0, ...failed }] })
  t.match(outcomes.get(1), { code: 'RIVULET_STORE_FAILED', executed: 'maybe' })
  const again = leave()
  t.equal(again.sequence, 2)
  // it was not stored: the host tells of the gap
  const gap = { code: 'RIVULET_PROTOCOL_VIOLATION', message: 'a gap' }
  outbox.answer({ refused: [{ number: again.number, expected: 1, ...gap }] })
  const last = leave()
  t.equal(last.sequence, 1)
  outbox.answer({ stored: [{ number: last.number, repeated: 0, position: 7, duplicates: [] }] })
  t.equal(outcomes.get(2), '7')
  t.equal(outbox.pending().messages, 0)
})

t.test('a stream that is refused: what has left may be stored, what has not is not', async (t) => {
  const { outbox, outcomes, lost, send, leave, begin } = open()
  send(1)
  leave()
  outbox.down()
  send(2)
  begin() // of another host, which has no such queue
  outbox.refused(Object.assign(new Error('no queue'), { code: 'RIVULET_UNKNOWN_QUEUE' }) as never)
  t.match(outcomes.get(1), { code: 'RIVULET_UNKNOWN_QUEUE', executed: 'maybe' })
  t.match(outcomes.get(2), { code: 'RIVULET_UNKNOWN_QUEUE' })
  t.not((outcomes.get(2) as RivuletError).executed, 'maybe')
  t.match(lost, [{ reason: 'refused', messages: 2, error: { executed: 'maybe' } }])
  t.equal(outbox.pending().messages, 0)
})

t.test('the limit of a host holds until there is another one', async (t) => {
  const { outbox } = open()
  const limitedTo = (maxMessageBytes: number) => {
    outbox.down()
    outbox.open()
    outbox.answer({ opened: { maxMessageBytes } })
  }
  const withNote = (length: number) => ({ id: 1, note: 'x'.repeat(length) })
  const large = withNote(70_000)
  limitedTo(69_999)
  t.match(outbox.append(large), { code: 'RIVULET_MESSAGE_TOO_LARGE' })
  limitedTo(-2_000_000_000)
  t.match(outbox.append(large), { code: 'RIVULET_MESSAGE_TOO_LARGE' }, 'whatever it says')
  limitedTo(2_000_000)
  t.equal(outbox.append(large), undefined)
  t.match(outbox.append(withNote(1_000_000)), { code: 'RIVULET_MESSAGE_TOO_LARGE' }, 'its own')
})

t.test('what has left is not dropped for what comes', async (t) => {
  const { outbox, outcomes, send, leave } = open(100)
  send(1)
  const first = leave()
  for (const id of [2, 3, 4, 5]) send(id)
  t.equal(outbox.isFull(), true)
  t.equal(outbox.dropOldest(), 4)
  for (const id of [2, 3, 4, 5]) t.match(outcomes.get(id), { code: 'RIVULET_OUTBOX_FULL', executed: 'no' })
  outbox.answer({ stored: [{ number: first.number, repeated: 0, position: 1, duplicates: [] }] })
  t.equal(outcomes.get(1), '1')
})

t.test('a send that was given up after it had left is sent again after a cut', async (t) => {
  const { outbox, begin, leave } = open()
  const given = new PendingSend()
  const late = () => new RivuletError('RIVULET_TIMEOUT', 'too late')
  given.limit({ timed: new TimedSends(), withdraw: (send) => outbox.withdraw(send), late }, undefined)
  outbox.append({ id: 1 }, given)
  outbox.flush()
  const first = leave()
  given.expire()
  await t.rejects(given.promise, { code: 'RIVULET_UNKNOWN_OUTCOME', executed: 'maybe' })
  outbox.down()
  begin()
  t.equal(leave().sequence, first.sequence)
  t.equal(outbox.pending().messages, 1)
})
