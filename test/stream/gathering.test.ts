/** Many writers of one outbox: what they take gathers while frames wait, in the order of the writers, and nobody starves. */
import fc from 'fast-check'
import t from 'tap'
import { Outbox } from '../../src/socket/index.js'
import { type Intake, Outgoing, type OverflowPolicy, shed, type Writer } from '../../src/stream/index.js'
import { turn } from '../support/events.js'

/** What a message takes. */
const messageBytes = 10

/** Frames that leave in one turn, and wait at most before others gather: those of the outbox. */
const framesPerTurn = 16

/** A frame that the transport was given: the number of its writer, and its messages. */
interface Frame {
  readonly writer: number
  readonly messages: readonly number[]
}

interface Options {
  readonly writers: number
  readonly overflow?: OverflowPolicy
  readonly outboxBytes?: number
  /** Messages of a full frame. */
  readonly perFrame?: number
}

/** Writers with one outbox; the test decides how many frames its transport takes. */
class Gathering {
  readonly outbox: Outbox
  readonly outgoing: Outgoing
  readonly intakes: readonly Intake<number>[]
  /** The frames that the transport has taken. */
  readonly taken: Frame[] = []
  #room = 0
  #isFlowing = false
  #wake: (() => void) | undefined

  constructor({ writers, overflow = 'block', outboxBytes = 1_000_000, perFrame = 1000 }: Options) {
    this.outbox = new Outbox(outboxBytes, {
      send: async (parts) => {
        while (!this.#isFlowing && this.#room === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
        this.#room -= 1
        this.taken.push(JSON.parse(parts.toString()))
        return undefined
      },
      failed: (error) => t.fail(error.message),
    })
    this.outgoing = new Outgoing({
      overflow,
      queue: () => this.outbox,
      backlog: () => this.outbox,
      name: () => 'gathering',
      isOpen: () => true,
      onClosing: () => () => {},
      report: () => {},
    })
    this.intakes = Array.from({ length: writers }, (_, number) => this.#intake(number, perFrame))
  }

  /** Lets the transport take so many frames more; resolves when the event loop has turned. */
  async take(frames: number): Promise<void> {
    this.#room = Math.max(0, this.#room) + frames
    this.#wake?.()
    await turn()
  }

  /** Lets it take everything from now on; resolves when all has left. */
  async flow(): Promise<void> {
    this.#isFlowing = true
    this.#wake?.()
    // not `outgoing.whenEmpty`, which would make frames of all that gathers
    while (this.outgoing.stats().pending > 0) await turn()
  }

  /** Offers a message to each writer, or to some. */
  offer(message: number, writers = this.intakes.keys() as Iterable<number>): void {
    for (const writer of writers) this.intakes[writer]?.offer(message)
  }

  messagesOf(number: number): number[] {
    return this.taken.flatMap(({ writer, messages }) => (writer === number ? messages : []))
  }

  #intake(number: number, perFrame: number): Intake<number> {
    let messages: number[] = []
    const writer: Writer<number> = {
      get count() {
        return messages.length
      },
      get bytes() {
        return messages.length * messageBytes
      },
      append: (message) => {
        messages.push(message)
        if (messages.length === perFrame) writer.flush()
        return undefined
      },
      flush: () => {
        if (messages.length === 0) return
        const parts = Buffer.from(JSON.stringify({ writer: number, messages }))
        this.outbox.add({ parts, messages: messages.length, bytes: messages.length * messageBytes })
        messages = []
      },
    }
    return this.outgoing.intake(writer)
  }
}

t.test('what waits behind other frames gathers', async (t) => {
  const gathering = new Gathering({ writers: 100 })
  for (let message = 0; message < 10; message++) {
    gathering.offer(message)
    await turn()
  }
  t.equal(gathering.outbox.waiting, framesPerTurn, 'besides the one with the transport')
  t.match(gathering.outgoing.stats(), { accepted: 1000, pending: 1000, pendingBytes: 1000 * messageBytes })
  await gathering.flow()
  const all = Array.from({ length: 10 }, (_, message) => message)
  for (const writer of gathering.intakes.keys()) t.strictSame(gathering.messagesOf(writer), all)
  const { length } = gathering.taken
  t.ok(length < 100 + 3 * framesPerTurn, `${length} frames`)
  t.match(gathering.outgoing.stats(), { accepted: 1000, sent: 1000, pending: 0 })
})

t.test('without other frames, a turn ends with frames of all', async (t) => {
  const gathering = new Gathering({ writers: framesPerTurn })
  gathering.offer(1)
  t.equal(gathering.outbox.waiting, 0)
  await turn()
  t.equal(gathering.outbox.waiting + 1, framesPerTurn)
})

t.test('they leave in the order in which they began', async (t) => {
  const gathering = new Gathering({ writers: 50 })
  gathering.offer(1)
  await turn()
  gathering.offer(2, [40, 30, 20])
  await turn()
  await gathering.flow()
  const order = gathering.taken.slice(0, 50).map(({ writer }) => writer)
  t.strictSame(order, [...gathering.intakes.keys()])
})

t.test('one that fills its frames does not keep the others waiting', async (t) => {
  const gathering = new Gathering({ writers: 3, perFrame: 4 })
  const fillFrames = (frames: number) =>
    gathering.offer(
      0,
      Array.from({ length: 4 * frames }, () => 0),
    )
  fillFrames(50)
  gathering.offer(1, [1, 2])
  await turn()
  t.equal(gathering.outbox.added, 50, 'the others gather')
  for (let round = 0; round < 20; round++) {
    // it never runs empty
    fillFrames(10)
    await gathering.take(10)
    if (round < 2) gathering.offer(2, [2])
  }
  const [first = -1, second] = [1, 2].map((one) => gathering.taken.findIndex(({ writer }) => writer === one))
  t.ok(first > 50 && first < 120, `at ${first}: behind what came while it waited as long as in the outbox`)
  t.equal(second, first + 1)
  t.strictSame(gathering.messagesOf(2), [1, 2, 2], 'with what came meanwhile')
})

t.test('what gathers counts in the limit of the outbox', async (t) => {
  const gathering = new Gathering({ writers: 100, outboxBytes: 100 * messageBytes })
  gathering.offer(1)
  await turn()
  t.equal(gathering.outbox.isFull(), true)
  t.match(gathering.intakes[0]?.offer(2), { code: 'RIVULET_OUTBOX_FULL' })
  let hasRoom = false
  void gathering.intakes[0]?.whenRoom()?.then(() => {
    hasRoom = true
  })
  await turn()
  t.equal(hasRoom, false)
  await gathering.take(1)
  t.equal(hasRoom, true)
  await gathering.flow()
  t.equal(gathering.outbox.isFull(), false)
  gathering.offer(3)
  await gathering.flow()
  t.match(gathering.outgoing.stats(), { accepted: 200, sent: 200 })
})

t.test('so does what is added to it', async (t) => {
  const gathering = new Gathering({ writers: 100, outboxBytes: 150 * messageBytes })
  gathering.offer(1)
  await turn()
  for (let message = 0; message < 50; message++) {
    t.equal(gathering.outbox.isFull(), false)
    t.equal(gathering.intakes[99]?.offer(message), undefined)
  }
  t.equal(gathering.outbox.isFull(), true)
  await gathering.flow()
  t.equal(gathering.messagesOf(99).length, 51)
})

t.test('drop-oldest keeps the limit, however much gathers', async (t) => {
  const most = 150 * messageBytes
  const gathering = new Gathering({ writers: 100, outboxBytes: most, overflow: 'drop-oldest' })
  for (let message = 0; message < 40; message++) {
    gathering.offer(message)
    await turn()
    const { pendingBytes } = gathering.outgoing.stats()
    t.ok(pendingBytes <= most + 100 * messageBytes, `${pendingBytes} bytes`)
  }
  await gathering.flow()
  for (const writer of gathering.intakes.keys()) t.equal(gathering.messagesOf(writer).at(-1), 39)
})

t.test('drop-oldest drops what gathered first', async (t) => {
  const gathering = new Gathering({ writers: 100, outboxBytes: 100 * messageBytes, overflow: 'drop-oldest' })
  gathering.offer(1)
  await turn()
  gathering.offer(2, [0])
  t.match(gathering.outgoing.stats(), { accepted: 101, dropped: { overflow: 1 } })
  await gathering.flow()
  t.strictSame(gathering.messagesOf(0), [1, 2], 'its first was with the transport')
  t.strictSame(gathering.messagesOf(1), [])
  t.strictSame(gathering.messagesOf(99), [1])
})

t.test('a flush makes frames of everything', async (t) => {
  const gathering = new Gathering({ writers: 100 })
  gathering.offer(1)
  await turn()
  gathering.outgoing.flush()
  t.equal(gathering.outbox.waiting + 1, 100)
  t.equal(gathering.outbox.messages, 100)
  gathering.offer(2)
  await gathering.flow()
  for (const writer of gathering.intakes.keys()) t.strictSame(gathering.messagesOf(writer), [1, 2])
})

t.test('whatever happens in whatever order, each writer keeps its order and the sums hold', async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('offer' as const), writer: fc.nat(59) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('offer all' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('take' as const), frames: fc.integer({ min: 1, max: 40 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  )
  const policy = fc.constantFrom<OverflowPolicy>('block', 'error', 'drop-oldest', 'drop-newest')
  const limit = fc.constantFrom(1, 300, 2000, 1_000_000)
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), policy, limit, async (steps, overflow, outboxBytes) => {
      const gathering = new Gathering({ writers: 60, overflow, outboxBytes, perFrame: 7 })
      const accepted = gathering.intakes.map((): number[] => [])
      let next = 0
      const offer = (writer: number): void => {
        const answer = gathering.intakes[writer]?.offer(next)
        if (answer === undefined) accepted[writer]?.push(next)
        else if (answer !== shed && answer.code !== 'RIVULET_OUTBOX_FULL') throw answer
        next += 1
      }
      for (const one of steps) {
        if (one.kind === 'offer') offer(one.writer)
        else if (one.kind === 'offer all') for (const writer of gathering.intakes.keys()) offer(writer)
        else if (one.kind === 'turn') await turn()
        else if (one.kind === 'take') await gathering.take(one.frames)
        else gathering.outgoing.flush()
        const { accepted: total, sent, pending, dropped } = gathering.outgoing.stats()
        const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0)
        if (total !== sent + pending + lost) throw new Error(`${total} is not ${sent} + ${pending} + ${lost}`)
      }
      await gathering.flow()
      for (const [writer, messages] of accepted.entries()) {
        const left = gathering.messagesOf(writer)
        const isWhole = overflow !== 'drop-oldest' && left.length === messages.length
        const isPart = overflow === 'drop-oldest' && left.every((message) => messages.includes(message))
        const isSorted = left.every((message, at) => at === 0 || message > (left[at - 1] as number))
        if (!isSorted || !(isWhole || isPart)) throw new Error(`${left} of ${messages}`)
      }
      if (gathering.outbox.bytes !== 0 || gathering.outbox.isFull()) throw new Error('something is counted still')
    }),
    { numRuns: 150 },
  )
})
