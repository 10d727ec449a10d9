/**
 * What waits to leave against a model of a few lines: each item leaves once, whole, in the order of its stream; what was dropped
 * does not leave, and what waits is counted to the byte. Small and large items, calls of this side and answers to the peer's.
 */
import fc from 'fast-check'
import t from 'tap'
import { fragmentBytes } from '../../src/session/fragment.js'
import { itemFlag } from '../../src/session/item.js'
import { OutgoingStreams } from '../../src/session/outgoing-streams.js'
import { packedBytes } from '../../src/session/packed-answers.js'

const streamWindowBytes = 100_000
const limits = { itemBytes: 1_000_000, windowBytes: 65_536, streamWindowBytes, assemblyBytes: 300_000 }
const outboxBytes = 400_000
const costBytes = 128

type Command =
  | { readonly kind: 'answer'; readonly size: number; readonly text: number }
  | {
      readonly kind: 'add'
      readonly stream: number
      readonly size: number
      readonly text: number
      readonly last: boolean
    }
  | { readonly kind: 'next'; readonly count: number }
  | { readonly kind: 'forget'; readonly stream: number }
  | { readonly kind: 'clear' }

const size = fc.constantFrom(0, 1, 70, 70, 500, packedBytes, packedBytes + 1, 20_000, fragmentBytes, 90_000)
const text = fc.nat(1)
const stream = fc.integer({ min: -6, max: 6 }).filter((number) => number !== 0)
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 40, arbitrary: fc.record({ kind: fc.constant('answer' as const), size, text }) },
  { weight: 20, arbitrary: fc.record({ kind: fc.constant('add' as const), stream, size, text, last: fc.boolean() }) },
  { weight: 30, arbitrary: fc.record({ kind: fc.constant('next' as const), count: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('forget' as const), stream }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'clear' as const }) },
)

interface Waiting {
  readonly flags: number
  readonly kind: number
  readonly body: Buffer
}

/** The streams of one side, and the model that looks at what leaves. */
class Run {
  readonly streams = new OutgoingStreams(limits, outboxBytes, 1)
  /** What waits, by stream. */
  readonly waiting = new Map<number, Waiting[]>()
  readonly parts = new Map<number, Buffer[]>()
  readonly refused = new Set<number>()
  last: Buffer = Buffer.alloc(0)
  /** Streams whose last item is among what waits: nothing more is sent on them. */
  readonly over = new Set<number>()
  nextAnswer = -101

  /** Equal bodies that follow one another are one buffer, as in a sender. */
  bodyOf(size: number, text: number): Buffer {
    const body = Buffer.alloc(size, 97 + text)
    if (!body.equals(this.last)) this.last = body
    return this.last
  }

  do(command: Command): void {
    switch (command.kind) {
      case 'answer':
        this.add(this.nextAnswer--, this.bodyOf(command.size, command.text), itemFlag.last)
        return
      case 'add':
        if (this.over.has(command.stream)) return
        this.add(command.stream, this.bodyOf(command.size, command.text), command.last ? itemFlag.last : 0)
        return
      case 'next':
        for (let left = command.count; left > 0; left--) if (!this.next()) return
        return
      case 'forget':
        this.forget(command.stream)
        return
      case 'clear':
        this.streams.clear()
        for (const kept of [this.waiting, this.parts, this.over, this.refused]) kept.clear()
    }
  }

  add(stream: number, body: Buffer, flags: number): void {
    const item = { kind: 16 + (body.length % 3), flags, body }
    const isLarge = body.length > fragmentBytes
    const isFull = this.bytes(isLarge) >= outboxBytes
    if (this.streams.add(stream, item) === isFull)
      throw new Error(`${isFull ? 'full, and taken' : 'refused, and not full'}`)
    if (isFull) {
      this.refused.add(stream)
      return
    }
    const items = this.waiting.get(stream)
    if (items) items.push(item)
    else this.waiting.set(stream, [item])
    if (flags & itemFlag.last) this.over.add(stream)
  }

  next(): boolean {
    const fragment = this.streams.next()
    if (fragment === undefined) return false
    const { stream, kind, flags, body, start, end } = fragment
    const parts = this.parts.get(stream) ?? []
    this.parts.set(stream, parts)
    parts.push(Buffer.from(body.subarray(start, end)))
    if (flags & itemFlag.more) return true
    this.parts.delete(stream)
    const items = this.waiting.get(stream) ?? []
    const item = items.shift()
    if (item === undefined) throw new Error(`stream ${stream}: nothing was to leave`)
    const whole = Buffer.concat(parts)
    if (item.kind !== kind || item.flags !== flags || !item.body.equals(whole)) {
      throw new Error(
        `stream ${stream}: ${whole.length} bytes of kind ${kind} left, not ${item.body.length} of ${item.kind}`,
      )
    }
    if (items.length === 0) this.waiting.delete(stream)
    if (flags & itemFlag.last) this.ended(stream)
    else this.streams.grant(stream, whole.length)
    return true
  }

  /** What waits is dropped, but a short answer that is all that was ever sent on its stream. */
  forget(stream: number): void {
    const items = this.waiting.get(stream) ?? []
    const before = this.streams.answers + this.streams.size
    this.streams.forget(stream)
    this.refused.delete(stream)
    this.parts.delete(stream)
    const isAnswer = before === this.streams.answers + this.streams.size && items.length === 1
    if (isAnswer && (stream > 0 || (items[0] as Waiting).body.length > packedBytes))
      throw new Error('a call was not dropped')
    if (isAnswer) return
    this.waiting.delete(stream)
    this.ended(stream)
  }

  ended(stream: number): void {
    this.refused.delete(stream)
    this.over.delete(stream)
  }

  bytes(isLarge: boolean): number {
    let bytes = 0
    for (const items of this.waiting.values())
      for (const { body } of items) if (body.length > fragmentBytes === isLarge) bytes += body.length + costBytes
    return bytes
  }

  check(): void {
    const bytes = this.bytes(false) + this.bytes(true)
    if (this.streams.waitingBytes !== bytes) throw new Error(`${this.streams.waitingBytes} bytes wait, not ${bytes}`)
  }

  /** All of it leaves when there is room. */
  drain(): void {
    while (this.next());
    if (this.waiting.size > 0) throw new Error(`${[...this.waiting.keys()]} have not left`)
    const { waitingBytes, answers } = this.streams
    if (waitingBytes !== 0 || answers !== 0) throw new Error(`${waitingBytes} bytes and ${answers} answers are left`)
  }
}

t.test('each item leaves once, whole and in the order of its stream', async () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 80, size: 'max' }), (commands) => {
      const run = new Run()
      for (const command of commands) {
        run.do(command)
        run.check()
      }
      run.drain()
    }),
    { numRuns: Number(process.env.RUNS ?? 1000) },
  )
})

t.test('answers take turns with the others, a fragment each', async (t) => {
  const streams = new OutgoingStreams(limits, 10_000_000, 1)
  const large = { kind: 16, flags: itemFlag.last, body: Buffer.alloc(3 * fragmentBytes) }
  const short = { kind: 16, flags: itemFlag.last, body: Buffer.alloc(100) }
  for (let answer = 1; answer <= 1000; answer++) streams.add(-answer, short)
  streams.add(1, large)
  for (let answer = 1001; answer <= 2000; answer++) streams.add(-answer, short)
  const order: string[] = []
  let bytes = 0
  for (let fragment = streams.next(); fragment; fragment = streams.next()) {
    const whose = fragment.stream > 0 ? 'large' : 'answers'
    if (whose === 'large' || order.at(-1) === 'large' || bytes > fragmentBytes) bytes = 0
    if (bytes === 0) order.push(whose)
    bytes += fragment.end - fragment.start
  }
  const turns = order.indexOf('large')
  t.ok(turns >= 2 && turns <= 5, `the first part of the large one leaves after ${turns} turns of answers`)
  t.equal(order.filter((whose) => whose === 'large').length, 3)
  t.equal(order[turns + 1], 'answers', 'the others do not wait for all of it')
})
