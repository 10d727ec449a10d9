/**
 * What waits to leave against a model: each item leaves once, whole, in the order of its stream, and while there is credit; what
 * was dropped does not leave, what waits is counted to the byte, and whoever waits for room is told. Small and large items, calls
 * of this side and answers to the peer's.
 */
import fc from 'fast-check'
import t from 'tap'
import { fragmentBytes } from '../../src/session/fragment.js'
import { itemFlag } from '../../src/session/item.js'
import { OutgoingStreams } from '../../src/session/outgoing-streams.js'
import { packedBytes } from '../../src/session/packed-answers.js'

const limits = { itemBytes: 1_000_000, windowBytes: 65_536, streamWindowBytes: 100_000, assemblyBytes: 300_000 }
const outboxBytes = 150_000
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
  | { readonly kind: 'send'; readonly stream: number; readonly size: number; readonly last: boolean }
  | { readonly kind: 'next'; readonly count: number }
  | { readonly kind: 'grant'; readonly stream: number; readonly part: number }
  | { readonly kind: 'window'; readonly bytes: number }
  | { readonly kind: 'want' | 'forget'; readonly stream: number }
  | { readonly kind: 'writable' | 'clear' }

const size = fc.constantFrom(0, 1, 70, 70, 500, packedBytes, packedBytes + 1, 20_000, fragmentBytes, 90_000)
const text = fc.nat(1)
const stream = fc.integer({ min: -6, max: 6 }).filter((number) => number !== 0)
const last = fc.boolean()
const bytes = fc.constantFrom(1, 50_000, 100_000, 200_000)
const kindOf = <K extends string>(kind: K) => fc.constant(kind)
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 40, arbitrary: fc.record({ kind: kindOf('answer'), size, text }) },
  { weight: 20, arbitrary: fc.record({ kind: kindOf('add'), stream, size, text, last }) },
  { weight: 5, arbitrary: fc.record({ kind: kindOf('send'), stream, size, last }) },
  { weight: 30, arbitrary: fc.record({ kind: kindOf('next'), count: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 10, arbitrary: fc.record({ kind: kindOf('grant'), stream, part: fc.constantFrom(0.1, 1) }) },
  { weight: 3, arbitrary: fc.record({ kind: kindOf('window'), bytes }) },
  { weight: 5, arbitrary: fc.record({ kind: kindOf('want'), stream }) },
  { weight: 10, arbitrary: fc.record({ kind: kindOf('writable') }) },
  { weight: 5, arbitrary: fc.record({ kind: kindOf('forget'), stream }) },
  { weight: 3, arbitrary: fc.record({ kind: kindOf('clear') }) },
)

interface Waiting {
  readonly flags: number
  readonly kind: number
  readonly body: Buffer
}

/** A stream of which something must be remembered. */
interface Known {
  credit: number
  /** Bytes that have left, and for which no credit came back. */
  owed: number
  begun: boolean
  isWanting: boolean
  refused: 'small' | 'large' | undefined
  readonly items: Waiting[]
}

/** The streams of one side, and the model that looks at what leaves. */
class Run {
  readonly streams = new OutgoingStreams(limits, outboxBytes, 1)
  windowBytes = limits.streamWindowBytes
  readonly known = new Map<number, Known>()
  /** Short items that are all that was ever sent on a stream of the peer. */
  readonly answers = new Map<number, Waiting>()
  readonly parts = new Map<number, Buffer[]>()
  last: Buffer = Buffer.alloc(0)
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
        this.add(command.stream, this.bodyOf(command.size, command.text), command.last ? itemFlag.last : 0)
        return
      case 'send':
        this.send(command.stream, command.size, command.last)
        return
      case 'next':
        for (let left = command.count; left > 0; left--) if (!this.next()) return
        return
      case 'grant':
        this.grant(command.stream, command.part)
        return
      case 'window':
        for (const state of this.known.values()) state.credit += command.bytes - this.windowBytes
        this.windowBytes = command.bytes
        this.streams.limits = { ...limits, streamWindowBytes: command.bytes }
        return
      case 'want':
        this.state(command.stream).isWanting = true
        this.streams.want(command.stream)
        return
      case 'writable':
        this.writable()
        return
      case 'forget':
        this.known.delete(command.stream)
        this.parts.delete(command.stream)
        this.streams.forget(command.stream)
        return
      case 'clear':
        this.streams.clear()
        for (const kept of [this.known, this.answers, this.parts]) kept.clear()
    }
  }

  /** Whether the last item of a stream is among what waits: nothing more is sent on it. */
  isOver(stream: number): boolean {
    return this.answers.has(stream) || ((this.known.get(stream)?.items.at(-1)?.flags ?? 0) & itemFlag.last) !== 0
  }

  add(stream: number, body: Buffer, flags: number): void {
    if (this.isOver(stream)) return
    const item = { kind: 16 + (body.length % 3), flags, body }
    const size = sizeOf(body)
    const isFull = this.bytes(size) >= outboxBytes
    if (this.streams.add(stream, item) === isFull) throw new Error(isFull ? 'full, and taken' : 'refused, and not full')
    if (isFull) {
      const state = this.state(stream)
      state.isWanting = true
      state.refused ??= size
    } else if (stream < 0 && flags !== 0 && body.length <= packedBytes && !this.known.has(stream)) {
      this.answers.set(stream, item)
    } else this.state(stream).items.push(item)
  }

  /** Sends an item that need not wait, if there is credit and nothing waits on the stream. */
  send(stream: number, bytes: number, last: boolean): void {
    if (this.isOver(stream)) return
    const state = this.known.get(stream)
    const isFree = state === undefined || (state.items.length === 0 && state.credit > 0)
    if (this.streams.isFree(stream) !== isFree) throw new Error(`stream ${stream} is ${isFree ? '' : 'not '}free`)
    if (!isFree) return
    this.streams.left(stream, bytes, last)
    if (last) this.known.delete(stream)
    else charge(this.state(stream), bytes)
  }

  next(): boolean {
    const fragment = this.streams.next()
    if (fragment === undefined) return false
    const { stream, kind, flags, body, start, end } = fragment
    const answer = this.answers.get(stream)
    const state = this.known.get(stream)
    const item = answer ?? state?.items[0]
    if (item === undefined) throw new Error(`stream ${stream}: nothing was to leave`)
    const parts = this.parts.get(stream) ?? []
    this.parts.set(stream, parts)
    if (answer === undefined && (state as Known).credit <= 0) throw new Error(`stream ${stream} has no credit`)
    if (state && answer === undefined) state.begun = true
    parts.push(Buffer.from(body.subarray(start, end)))
    if (flags & itemFlag.more) return true
    this.parts.delete(stream)
    const whole = Buffer.concat(parts)
    if (item.kind !== kind || item.flags !== flags || !item.body.equals(whole)) {
      throw new Error(
        `stream ${stream}: ${whole.length} bytes of kind ${kind} left, not ${item.body.length} of ${item.kind}`,
      )
    }
    if (this.answers.delete(stream)) return true
    const { items } = state as Known
    items.shift()
    if (flags & itemFlag.last) this.known.delete(stream)
    else charge(state as Known, whole.length)
    return true
  }

  grant(stream: number, part: number): void {
    const state = this.known.get(stream)
    const bytes = Math.ceil((state?.owed ?? 0) * part)
    this.streams.grant(stream, bytes)
    if (state === undefined) return
    state.owed -= bytes
    state.credit = Math.min(this.windowBytes, state.credit + bytes)
  }

  writable(): void {
    const due: number[] = []
    for (const [stream, state] of this.known) {
      const { isWanting, items, credit, refused } = state
      if (!isWanting || items.length > 0 || credit <= 0) continue
      if (refused !== undefined && this.bytes(refused) >= outboxBytes) continue
      due.push(stream)
      state.isWanting = false
      state.refused = undefined
    }
    const told = this.streams.takeWritable()
    if (String(told.sort(up)) !== String(due.sort(up))) throw new Error(`${told} have room, not ${due}`)
  }

  state(stream: number): Known {
    const known = this.known.get(stream)
    if (known) return known
    const state: Known = {
      credit: this.windowBytes,
      owed: 0,
      begun: false,
      isWanting: false,
      refused: undefined,
      items: [],
    }
    this.known.set(stream, state)
    return state
  }

  get waiting(): Waiting[] {
    return [...this.answers.values(), ...[...this.known.values()].flatMap(({ items }) => items)]
  }

  bytes(size: 'small' | 'large'): number {
    return this.waiting.reduce((sum, { body }) => sum + (sizeOf(body) === size ? body.length + costBytes : 0), 0)
  }

  check(): void {
    const { waitingBytes, answers, size, isWaiting, longest } = this.streams
    same('bytes', waitingBytes, this.bytes('small') + this.bytes('large'))
    same('answers', answers, this.answers.size)
    same('streams', size, this.known.size)
    const states = [...this.known.values()]
    const mayMove =
      this.answers.size > 0 || states.some((one) => one.isWanting || (one.items.length > 0 && one.credit > 0))
    if (mayMove && !isWaiting) throw new Error('nothing is said to wait')
    if (longest < Math.max(0, ...this.waiting.map(({ body }) => body.length))) throw new Error('a longer one waits')
    for (const [stream, { begun }] of this.known) same(`unsent on ${stream}`, this.streams.isUnsent(stream), !begun)
  }

  /** All of it leaves when there is credit. */
  drain(): void {
    do {
      while (this.next());
      for (const stream of this.known.keys()) this.grant(stream, 1)
    } while (this.next())
    same('items', this.waiting.length, 0)
    this.writable()
    this.check()
  }
}

function charge(state: Known, bytes: number): void {
  state.credit -= bytes
  state.owed += bytes
  state.begun = true
}

function sizeOf(body: Buffer): 'small' | 'large' {
  return body.length > fragmentBytes ? 'large' : 'small'
}

function same(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`${what}: ${found}, not ${expected}`)
}

const up = (one: number, other: number) => one - other

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
