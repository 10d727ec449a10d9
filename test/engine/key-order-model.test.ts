/**
 * The order of keys against a model of a few lines: a message of a key is delivered when no other one of it is out or waits to
 * be tried again, and it is the first of those that wait, by when it was stored or became due.
 */
import fc from 'fast-check'
import t from 'tap'
import { blockOf, EngineWorld, schemaText, type TestConsumer, textsOf } from './engine-world.js'

const stepMs = 10
const leaseMs = 400
const backoffMs = 50

/** The schema that consumers may say that they cannot read. */
const youngHash = 8

/** A message of the model. */
interface Message {
  readonly text: string
  readonly key: string | undefined
  readonly hash: number
  readonly expires: number
  attempts: number
  state: 'waiting' | 'out' | 'failed' | 'gone' | 'dead'
  /** What its turn is made of. */
  ready: number
  position: number
  /** Whether its last failure was that its lease ran out. */
  mayBeLate: boolean
}

interface Sent {
  readonly key: 'a' | 'b' | undefined
  readonly delayMs: number
  readonly ttlMs: number | undefined
}

type Command =
  | { readonly kind: 'send'; readonly messages: readonly Sent[]; readonly hash: number }
  | { readonly kind: 'grant'; readonly count: number }
  | {
      readonly kind: 'settle'
      readonly how: 'ack' | 'nack' | 'reject' | 'release'
      readonly pick: number
      readonly parts: number
      readonly delayMs: number | undefined
    }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'redrive'; readonly limit: number }
  | { readonly kind: 'outdated' }
  | { readonly kind: 'reopen' | 'detach'; readonly adopts: boolean }

const sent: fc.Arbitrary<Sent> = fc.record({
  key: fc.constantFrom('a' as const, 'a' as const, 'b' as const, undefined),
  delayMs: fc.constantFrom(0, 0, 0, 20, 70),
  ttlMs: fc.constantFrom(undefined, undefined, undefined, undefined, 100),
})

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      messages: fc.array(sent, { minLength: 1, maxLength: 6 }),
      hash: fc.constantFrom(7, 7, youngHash),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('grant' as const), count: fc.integer({ min: 1, max: 8 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      how: fc.constantFrom('ack', 'ack', 'nack', 'reject', 'release'),
      pick: fc.nat(20),
      parts: fc.nat(3),
      delayMs: fc.constantFrom(undefined, 0, 30),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(10, 30, 100, 500) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('outdated' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('redrive' as const), limit: fc.constantFrom(1, 2, 1000) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('reopen' as const, 'detach' as const), adopts: fc.boolean() }),
  },
)

interface Limits {
  readonly maxAttempts: number
  readonly maxLength: number
}

/** The engine, and what is expected of it. */
class Play {
  readonly #settings
  readonly #messages = new Map<string, Message>()
  /** Those that are dead letters, the oldest first. */
  readonly #dead: Message[] = []
  /** The messages of each lease that are out, by index. */
  readonly #leases = new Map<number, (Message | undefined)[]>()
  /** What was out of a lease when it had run out and ended. */
  readonly #past = new Map<number, (Message | undefined)[]>()
  #world: EngineWorld
  #consumer: TestConsumer
  #credit = 0
  /** Whether the consumer has said that it cannot read one of the schemas. */
  #isOutdated = false
  #made = 0
  #nextPosition = 1
  #lastLease = 0

  constructor(limits: Limits) {
    const backoff = { initialMs: backoffMs, factor: 1, maxMs: backoffMs }
    this.#settings = { ...limits, keyOrder: true, overflow: 'drop-oldest' as const, leaseMs, backoff }
    this.#world = EngineWorld.withJobs(this.#settings)
    this.#consumer = this.#world.consumer('c', 0)
  }

  do(one: Command): void {
    if (one.kind === 'send') this.#send(one.messages, one.hash)
    else if (one.kind === 'grant') this.#grant(one.count)
    else if (one.kind === 'settle') this.#settle(one)
    else if (one.kind === 'redrive') this.#redrive(one.limit)
    else if (one.kind === 'outdated') this.#outdate()
    else if (one.kind !== 'pass') this.#leave(one)
    // by small steps, so that each is seen at its time
    else for (let ms = 0; ms < one.ms; ms += stepMs) this.#look(stepMs)
    this.#look(0)
  }

  /** All is acknowledged, and nothing is left. */
  finish(): void {
    if (this.#isOutdated) this.#leave({ kind: 'detach', adopts: true })
    this.#grant(1000)
    for (let round = 0; round < 200; round++) {
      this.#look(stepMs)
      for (const lease of this.#leases.keys()) {
        this.#said(lease, 0, 1000, 'ack', 0)
        this.#consumer.settle({ kind: 'ack', lease, count: 1000 })
      }
    }
    this.#look(0)
    const { depth } = this.#world.engine.counts('jobs')
    if (depth > 0) throw new Error(`${depth} messages are left`)
  }

  get #now(): number {
    return this.#world.clock.now()
  }

  #send(messages: readonly Sent[], hash: number): void {
    const texts: string[] = []
    const extras = messages.map(({ key, delayMs, ttlMs }, index) => {
      const text = `m${++this.#made}`
      texts.push(text)
      const expires = ttlMs === undefined ? Number.POSITIVE_INFINITY : this.#now + ttlMs
      const position = this.#nextPosition++
      this.#messages.set(text, {
        text,
        key,
        hash,
        expires,
        attempts: 0,
        state: 'waiting',
        ready: this.#now + delayMs,
        position,
        mayBeLate: false,
      })
      return { index, ...(key && { key }), ...(delayMs && { delayMs }), ...(ttlMs && { ttlMs }) }
    })
    const block = blockOf(texts, extras, Buffer.alloc(16, hash))
    const first = this.#made - texts.length + 1
    this.#world.engine.send('jobs', 'p', first, block, schemaText, () => {})
  }

  #grant(count: number): void {
    this.#credit += count
    this.#consumer.attachment.grant(count)
  }

  #settle({ how, pick, parts, delayMs }: Extract<Command, { kind: 'settle' }>): void {
    const block = this.#consumer.blocks[pick % Math.max(1, this.#consumer.blocks.length)]
    if (!block) return
    const { count } = block.messages
    const index = parts % count
    const size = Math.max(1, count - index - (parts >> 1))
    this.#said(block.lease, index, size, how, how === 'nack' ? (delayMs ?? backoffMs) : 0)
    const more = how === 'nack' && delayMs !== undefined ? { delayMs } : undefined
    this.#consumer.settle({ kind: how, lease: block.lease, index, count: size, ...more })
  }

  #redrive(limit: number): void {
    let moved = 0
    this.#world.engine.redrive('jobs', limit, (count) => {
      moved = count
    })
    this.#world.run()
    const mayAll = this.#settings.maxLength === Number.POSITIVE_INFINITY
    if (mayAll && moved !== Math.min(limit, this.#dead.length)) throw new Error(`${moved} were moved`)
    for (const message of this.#dead.splice(0, moved)) {
      message.state = 'waiting'
      message.attempts = 0
      message.ready = this.#now
      message.position = this.#nextPosition++
    }
  }

  #outdate(): void {
    this.#isOutdated = true
    this.#consumer.attachment.cannotRead([Buffer.alloc(16, youngHash)])
  }

  /** The consumer, or the host with it, goes and comes back; then it can read all. */
  #leave({ kind, adopts }: { readonly kind: 'reopen' | 'detach'; readonly adopts: boolean }): void {
    const leases = adopts ? [...this.#leases.keys()] : []
    if (kind === 'reopen') {
      this.#world = this.#world.reopened(0, this.#settings)
      this.#past.clear()
    } else this.#consumer.attachment.detach()
    const { blocks } = this.#consumer
    this.#consumer = this.#world.consumer('c', 0)
    this.#credit = 0
    this.#isOutdated = false
    const lost = this.#consumer.attachment.adopt(leases)
    for (const lease of this.#leases.keys()) {
      if (!leases.includes(lease)) this.#said(lease, 0, 1000, 'release', 0)
      else if (!lost.includes(lease)) this.#consumer.blocks.push(...blocks.filter((block) => block.lease === lease))
    }
  }

  /** What becomes of messages of a lease. */
  #said(lease: number, index: number, count: number, how: string, waitMs: number): void {
    const messages = this.#leases.get(lease) ?? []
    if (how === 'lease-lost') this.#past.set(lease, [...messages])
    if (how === 'ack') this.#saidLate(lease, index, count)
    for (let at = index; at < Math.min(messages.length, index + count); at++) {
      const message = messages[at]
      if (!message) continue
      messages[at] = undefined
      if (how !== 'release') message.mayBeLate = how === 'lease-lost'
      if (how === 'ack') message.state = 'gone'
      else if (how === 'reject' || (how !== 'release' && message.attempts >= this.#settings.maxAttempts)) {
        message.state = 'dead'
        this.#dead.push(message)
      } else {
        message.state = 'failed'
        message.ready = this.#now + waitMs
        if (how === 'release') message.attempts -= 1
      }
    }
    if (messages.every((message) => message === undefined)) this.#leases.delete(lease)
  }

  /** Messages whose lease has run out are acknowledged, if they were not delivered since. */
  #saidLate(lease: number, index: number, count: number): void {
    for (const message of this.#past.get(lease)?.slice(index, index + count) ?? []) {
      if (message?.state === 'failed' && message.mayBeLate) message.state = 'gone'
    }
  }

  /** Lets time pass, and holds what happened against what is expected. */
  #look(ms: number): void {
    this.#world.pass(ms)
    for (const lease of this.#consumer.lost.splice(0)) this.#said(lease, 0, 1000, 'lease-lost', 0)
    const shown = this.#world.engine.peek('jobs', Number.POSITIVE_INFINITY).map(({ body }) => body.toString())
    this.#dropMissing(new Set(shown))
    for (const block of this.#consumer.blocks) {
      if (block.messages.count === 0 || this.#leases.has(block.lease) || block.lease <= this.#lastLease) continue
      this.#lastLease = block.lease
      const texts = textsOf(block)
      this.#credit -= texts.length
      this.#leases.set(
        block.lease,
        texts.map((text, index) => this.#delivered(text, block.positions[index])),
      )
    }
    const inQueue = [...this.#messages.values()].filter(({ state }) => state !== 'gone' && state !== 'dead')
    if (shown.length !== inQueue.length) throw new Error(`${shown} are in the queue`)
    if (this.#credit === 0) return
    const idle = inQueue.find((message) => this.#mayGo(message))
    if (idle) throw new Error(`${idle.text} has its turn, and is not delivered`)
  }

  /** Those that are not in the queue any more were dropped, if they may be. */
  #dropMissing(shown: ReadonlySet<string>): void {
    for (const message of this.#messages.values()) {
      const { text, state, expires } = message
      if ((state !== 'waiting' && state !== 'failed') || shown.has(text)) continue
      if (expires > this.#now && this.#settings.maxLength === Number.POSITIVE_INFINITY)
        throw new Error(`${text} is lost`)
      message.state = 'gone'
    }
  }

  #delivered(text: string, position: number | undefined): Message {
    const message = this.#messages.get(text)
    if (!message || !this.#mayGo(message)) {
      const others = [...this.#messages.values()].filter(({ key, state }) => key === message?.key && state !== 'gone')
      throw new Error(`${text} is delivered out of its turn: ${JSON.stringify(others)}`)
    }
    if (position !== message.position) throw new Error(`${text} is at ${position}, not at ${message.position}`)
    message.state = 'out'
    message.attempts += 1
    return message
  }

  /** Whether a message has its turn. */
  #mayGo(message: Message): boolean {
    const { key, hash, state, ready } = message
    if (this.#isOutdated && hash === youngHash) return false
    if ((state !== 'waiting' && state !== 'failed') || ready > this.#now) return false
    if (key === undefined || state === 'failed') return true
    return [...this.#messages.values()].every((other) => {
      if (other === message || other.key !== key) return true
      if (other.state === 'waiting') return isBefore(message, other)
      return other.state === 'gone' || other.state === 'dead'
    })
  }
}

function isBefore(one: Message, other: Message): boolean {
  return one.ready < other.ready || (one.ready === other.ready && one.position < other.position)
}

function play(commands: readonly Command[], limits: Limits): void {
  const game = new Play(limits)
  for (const one of commands) game.do(one)
  game.finish()
}

t.test('any commands', async (t) => {
  const limits = fc.record({
    maxAttempts: fc.constantFrom(1, 2, 100),
    maxLength: fc.constantFrom(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 8),
  })
  const property = fc.property(fc.array(command, { maxLength: 40 }), limits, play)
  const result = fc.check(property, { numRuns: 500 })
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? `seed ${result.seed}`)
  t.equal(result.errorInstance, null)
})
