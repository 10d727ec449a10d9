/** A consumer at its host: what it is given as long as it does not read, and what it may say as long as nothing is stored. */
import t from 'tap'
import { ConsumeSession } from '../../patterns/queue/durable/consume-session.js'
import type { ConsumeAnswer } from '../../patterns/queue/durable/wire.js'
import type { LeasedMessages, SettledRange } from '../../src/delivery/index.js'
import type { Attachment, ConsumerPorts, QueueEngine, SettleOutcome } from '../../src/engine/index.js'

/** A session whose engine and reader are the test. */
function open({ isOpened = true } = {}) {
  const answers: ConsumeAnswer[] = []
  const settling: ((outcomes: SettleOutcome[]) => void)[] = []
  const suspensions: (readonly number[] | 'resumed' | 'abandoned')[] = []
  const unreadable: Uint8Array[] = []
  let unsent = 0
  let granted = 0
  let rooms = 0
  let unread = 0
  let ports: ConsumerPorts | undefined
  const attachment: Attachment = {
    grant: (messages) => {
      granted += messages
    },
    settle: (_, done) => settling.push(done),
    cannotRead: (meanings) => void unreadable.push(...meanings),
    extend: () => [],
    adopt: () => [],
    suspend: (unsent) => void suspensions.push(unsent),
    resume: () => void suspensions.push('resumed'),
    detach: () => {},
    abandon: () => void suspensions.push('abandoned'),
  }
  const engine = {
    epoch: 'e',
    attach: (_queue: string, _consumer: string, given: ConsumerPorts) => {
      ports = given
      return attachment
    },
    schemaText: () => undefined,
  } as unknown as QueueEngine
  const session = new ConsumeSession(
    { engine, maxMessageBytes: 1, enter: () => {}, leaseMsOf: () => 1000 },
    {
      answer: (answer) => answers.push(answer),
      room: () => {
        rooms += 1
      },
      unread: () => unread,
      withdraw: () => answers.splice(answers.length - unsent).map(({ leased }) => leased as LeasedMessages),
      superseded: () => {},
    },
  )
  let lease = 100
  /** Deals out messages of a size. */
  const deal = (count: number, bytes: number) => {
    granted -= count
    const lengths = Array<number>(count).fill(bytes)
    const positions = lengths.map((_, at) => at + 1)
    const messages = { count, schemaId: Buffer.alloc(16), lengths, checks: Buffer.alloc(4 * count) }
    const bodies = Buffer.alloc(bytes * count)
    ports?.deliver({
      lease: lease++,
      positions,
      times: positions,
      messages: { ...messages, bodies },
      extras: [],
      senders: [],
    })
  }
  const receive = (request: Parameters<typeof session.receive>[0]) => session.receive(request, () => {})
  if (isOpened) receive({ open: { queue: 'jobs', consumer: 'c', held: [1] } })
  return {
    answers,
    session,
    settling,
    deal,
    receive,
    granted: () => granted,
    rooms: () => rooms,
    suspensions,
    unreadable,
    /** The last so many answers have not left. */
    leave: (count: number) => {
      unsent = count
    },
    read: (left: number) => {
      unread = left
    },
  }
}

t.test('the larger the messages, the fewer are dealt out ahead of the reader', async (t) => {
  const { deal, granted, receive, read, session } = open()
  receive({ credit: 100_000 })
  t.equal(granted(), 16, 'nothing is known of them')
  deal(16, 100)
  t.equal(granted(), 2048, 'small ones')
  deal(1, 1_000_000)
  t.equal(granted(), 2047, 'what was granted cannot be taken back')
  for (let dealt = 1; dealt < 2048; dealt++) deal(1, 1_000_000)
  t.equal(granted(), 4)
  deal(1, 16_777_216)
  deal(3, 16_777_216)
  t.equal(granted(), 1, 'one at a time')
  read(300_000)
  deal(1, 100)
  session.grant()
  t.equal(granted(), 0, 'nothing as long as it does not read')
  read(0)
  session.grant()
  t.equal(granted(), 2048)
})

t.test('what it says waits as long as much of it is not stored', async (t) => {
  const { receive, session, settling, rooms, answers } = open()
  const range: SettledRange = { lease: 1, index: 0, count: 1, kind: 'nack', stack: 's'.repeat(4000) }
  let said = 0
  while (!session.isBusy() && said < 10_000) receive({ number: ++said, settlements: [range] })
  t.ok(said > 200 && said < 300, `${said} requests of 4000 characters each`)
  t.equal(rooms(), 0)
  for (const done of settling.splice(0)) done([{ settled: 1, stale: 0 }])
  t.equal(session.isBusy(), false)
  t.equal(rooms(), 1)
  await new Promise(setImmediate)
  t.equal(answers.flatMap(({ settled = [] }) => settled).length, said)
})

t.test('a consumer that cannot be reached gives back what has not left, and is given it again', async (t) => {
  const { receive, deal, granted, session, answers, suspensions, leave } = open()
  receive({ credit: 30 })
  deal(3, 100)
  deal(2, 100)
  leave(1)
  session.suspend()
  t.strictSame(suspensions.splice(0), [[101]])
  t.equal(granted(), 25)
  receive({ number: 1, extend: [100, 101] })
  session.resume()
  await new Promise(setImmediate)
  t.match(answers.at(-1), { extended: [1], lost: [101] })
  receive({ credit: 10 })
  session.abandon()
  session.abandon()
  t.strictSame(suspensions, ['resumed', 'abandoned'])
})

t.test('a consumer that is lost before it has opened is given nothing either', async (t) => {
  const { suspensions, session, receive } = open({ isOpened: false })
  session.suspend()
  receive({ open: { queue: 'jobs', consumer: 'c' } })
  t.strictSame(suspensions, [[]])
})

t.test('schemas that it cannot read are bounded, and heard before what it gives back', async (t) => {
  const { receive, unreadable, answers, settling } = open({ isOpened: false })
  const hash = (index: number) => {
    const bytes = Buffer.alloc(16)
    bytes.writeUInt32BE(index)
    return bytes
  }
  receive({ open: { queue: 'jobs', consumer: 'c', held: [1], unreadable: [hash(0)] } })
  t.match(answers, [{ opened: { setsAside: true } }])
  t.strictSame(unreadable, [hash(0)])
  const range: SettledRange = { lease: 1, index: 0, count: 1, kind: 'release' }
  t.throws(() => receive({ number: 1, settlements: [range], unreadable: [Buffer.alloc(15)] }), {
    code: 'RIVULET_INVALID_REQUEST',
  })
  t.equal(settling.length, 0)
  receive({ unreadable: Array.from({ length: 1022 }, (_, index) => hash(index + 1)) })
  t.equal(unreadable.length, 1023)
  t.throws(() => receive({ unreadable: [hash(1024)] }), { code: 'RIVULET_INVALID_REQUEST' })
})
