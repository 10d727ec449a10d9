/**
 * Held frames against a model of a few lines: what has come on a connection is taken in the order in which it came, each once, and
 * what waits is counted to the byte; while sessions begin, move to other connections and end, and frames are held or not.
 */
import fc from 'fast-check'
import t from 'tap'
import type { RivuletError } from '../../src/errors/index.js'
import { HeldFrames, isOpening } from '../../src/session/held-frames.js'
import { lost } from './link-pair.js'

const connections = 4
const limitBytes = 1_048_576
const costBytes = 64
const largest = Buffer.alloc(limitBytes)

/** What an opening leads to: the number of a session that its connection has then, or nothing. */
type Outcome = number | undefined

type Command =
  | { readonly kind: 'hello'; readonly peer: number; readonly bytes: number; readonly outcome: Outcome }
  | { readonly kind: 'link'; readonly peer: number; readonly bytes: number; readonly parts: number }
  | { readonly kind: 'end'; readonly peer: number }
  | { readonly kind: 'endSession'; readonly peer: number }
  | { readonly kind: 'turn'; readonly shares: number }
  | { readonly kind: 'clear'; readonly after: number }

const peer = fc.nat(connections - 1)
const bytes = fc.constantFrom(0, 1, 1000, 50_000, 300_000)
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant('hello' as const),
      peer,
      bytes,
      outcome: fc.constantFrom(undefined, 0, 0, 1, 1),
    }),
  },
  {
    weight: 40,
    arbitrary: fc.record({ kind: fc.constant('link' as const), peer, bytes, parts: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 10, arbitrary: fc.record({ kind: fc.constantFrom('end' as const, 'endSession' as const), peer }) },
  { weight: 15, arbitrary: fc.record({ kind: fc.constant('turn' as const), shares: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('clear' as const), after: fc.nat(4) }) },
)

interface Session {
  /** Parts of the frame that it holds. */
  left: number
  peer: number | undefined
}

interface Sent {
  readonly peer: number
  readonly cost: number
  readonly command: Command
}

/** A machine that takes what comes as an acceptor does, and the model that looks at it. */
class World {
  readonly held = new HeldFrames<Session>()
  /** The model: what has come on each connection and was not taken. */
  readonly waiting: Sent[][] = Array.from({ length: connections }, () => [])
  readonly #sentAs = new Map<Buffer | RivuletError, Sent>()
  readonly #sessions = new Map<number, Session>()
  /** The call of a handler that clears all. */
  #clearsIn = 0

  run(command: Command): void {
    if (command.kind === 'hello' || command.kind === 'link') {
      const frame = largest.subarray(0, command.bytes)
      this.#send(frame, { peer: command.peer, cost: command.bytes + costBytes, command })
      this.#receive(command.peer, frame)
    } else if (command.kind === 'end') {
      const reason = Object.create(lost) as RivuletError
      this.#send(reason, { peer: command.peer, cost: costBytes, command })
      this.#gone(command.peer, reason)
    } else if (command.kind === 'turn') for (let left = command.shares; left > 0; left--) this.takeMore()
    else if (command.kind === 'endSession') for (const session of this.#on(command.peer)) this.#end(session)
    else if (command.after > 0) this.#clearsIn = command.after
    else this.#clear()
    this.check()
  }

  takeMore(): void {
    this.held.takeMore(
      (held) => {
        if (isOpening(held)) {
          this.#opens(Number(held.peer), held.frame)
          return held.frame.length === 0
        }
        this.#handle()
        held.left = Math.max(0, held.left - 1)
        return held.left === 0
      },
      (name, next) => (Buffer.isBuffer(next) ? this.#receive(Number(name), next) : this.#gone(Number(name), next)),
    )
  }

  check(): void {
    const bytes = this.waiting.flat().reduce((sum, { cost }) => sum + cost, 0)
    if (this.held.bytes !== bytes) throw new Error(`${bytes} bytes wait, and ${this.held.bytes} are counted`)
    if (this.held.mayReceive !== bytes < limitBytes)
      throw new Error(`it may ${this.held.mayReceive ? '' : 'not '}receive`)
    const parts = [...this.#all].filter(({ left }) => left > 0).length
    if (this.held.size < parts) throw new Error(`${parts} frames are held, of ${this.held.size}`)
  }

  /** Sessions that have ended may hold a frame, too. */
  readonly #all = new Set<Session>()

  #send(next: Buffer | RivuletError, sent: Sent): void {
    this.#sentAs.set(next, sent)
    this.waiting[sent.peer]?.push(sent)
  }

  #take(peer: number, next: Buffer | RivuletError): Sent {
    const sent = this.#sentAs.get(next)
    const expected = this.waiting[peer]?.shift()
    if (sent === undefined || sent !== expected)
      throw new Error(`out of order on ${peer}: ${JSON.stringify([sent, expected])}`)
    this.#sentAs.delete(next)
    return sent
  }

  #on(peer: number): Session[] {
    return [...this.#sessions.values()].filter((session) => session.peer === peer)
  }

  #receive(peer: number, frame: Buffer): void {
    const [session] = this.#on(peer)
    if (this.held.keep(String(peer), session, frame)) return
    if (this.#sentAs.get(frame)?.command.kind === 'hello') {
      this.held.wait({ peer: String(peer), frame })
      return
    }
    const { command } = this.#take(peer, frame)
    if (session === undefined || command.kind !== 'link') return
    if (session.left > 0) throw new Error('a frame is taken while another one of its session is held')
    if (this.#handle()) return
    session.left = command.parts - 1
    if (session.left > 0) this.held.hold(session)
  }

  #opens(peer: number, frame: Buffer): void {
    const { command } = this.#take(peer, frame)
    if (!this.#handle() && command.kind === 'hello' && command.outcome !== undefined) {
      const session = this.#sessions.get(command.outcome) ?? { left: 0, peer: undefined }
      for (const former of this.#on(peer)) if (former !== session) this.#end(former)
      session.peer = peer
      this.#sessions.set(command.outcome, session)
      this.#all.add(session)
    }
  }

  #gone(peer: number, reason: RivuletError): void {
    if (this.held.keepEnd(String(peer), reason)) return
    // a frame that would open a session may be dropped at the end of its connection
    const [first, second] = this.waiting[peer] ?? []
    if (first?.command.kind === 'hello' && second === this.#sentAs.get(reason)) this.waiting[peer]?.shift()
    this.#take(peer, reason)
    for (const session of this.#on(peer)) session.peer = undefined
  }

  #end(session: Session): void {
    session.left = 0
    for (const [number, one] of this.#sessions) if (one === session) this.#sessions.delete(number)
  }

  /** A handler is called; returns whether it has cleared all. */
  #handle(): boolean {
    if (this.#clearsIn === 0) return false
    this.#clearsIn -= 1
    const clears = this.#clearsIn === 0
    if (clears) this.#clear()
    return clears
  }

  #clear(): void {
    this.#clearsIn = 0
    // a frame whose taking clears all is among them
    const waited = this.held.clear().filter(({ next }) => this.#sentAs.has(next))
    for (const [peer, model] of this.waiting.entries()) {
      const of = waited.filter((one) => one.peer === String(peer)).map(({ next }) => this.#sentAs.get(next))
      const isSame = of.length === model.length && of.every((sent, index) => sent === model[index])
      if (!isSame) throw new Error(`${of.length} have waited on ${peer}, not ${model.length}, or in another order`)
      model.length = 0
    }
    for (const session of this.#all) session.left = 0
  }
}

function play(commands: readonly Command[]): void {
  const world = new World()
  for (const each of commands) world.run(each)
  for (let rounds = 0; world.held.size > 0; rounds++) {
    if (rounds > 6 * commands.length) throw new Error('it does not come to an end')
    world.takeMore()
    world.check()
  }
  if (world.waiting.flat().length > 0) throw new Error(`lost: ${JSON.stringify(world.waiting)}`)
  for (const peer of world.waiting.keys()) {
    if (world.held.keep(String(peer), undefined, largest)) throw new Error(`frames of ${peer} wait for nothing`)
  }
}

t.test('what comes on a connection is taken in order and once, and what waits is counted', async (t) => {
  const property = fc.property(fc.array(command, { minLength: 1, maxLength: 120, size: 'max' }), play)
  const numRuns = Number(process.env.RUNS ?? 300)
  for (const seed of [1, 2, 3, undefined]) {
    const result = fc.check(property, { numRuns, ...(seed === undefined ? {} : { seed }) })
    t.notOk(result.failed, fc.defaultReportMessage(result) ?? `seed ${result.seed}`)
  }
})

t.test('what is left of a queue of two connections does not overtake what already waits elsewhere', async (t) => {
  const [p, x, z] = [0, 1, 2]
  const hello = (peer: number, outcome: Outcome): Command => ({ kind: 'hello', peer, bytes: 1, outcome })
  const link = (peer: number, parts = 1): Command => ({ kind: 'link', peer, bytes: 1, parts })
  const turn = (shares: number): Command => ({ kind: 'turn', shares })
  const sessionMoves = [hello(x, 0), turn(1), link(x, 6), link(x), hello(p, 0), turn(2)]
  const behindIt = [hello(p, 1), link(p), hello(x, undefined), link(p)]
  const otherHolds = [hello(z, 1), turn(2), link(z, 40)]
  for (let shares = 1; shares < 20; shares++) {
    play([...sessionMoves, ...behindIt, ...otherHolds, turn(shares), hello(3, 1), turn(8), link(p), link(x), turn(4)])
  }
  t.pass('in order')
})
