/** The engine against a simple model: any commands in any order, and the same messages with the same attempts. */
import fc from 'fast-check'
import t from 'tap'
import { EngineWorld, schemaId, type TestConsumer, textsOf } from './engine-world.js'

const backoffMs = 50
const leaseMs = 400

/** The schemas of messages; consumers say that they cannot read the second. */
const meanings = [schemaId, Buffer.alloc(16, 8)]

/** A message of the model. */
interface Message {
  readonly text: string
  readonly schema: number
  /** Whether it waits for a consumer that can read its value. */
  isHard: boolean
  attempts: number
  state: 'ready' | 'waiting' | 'leased' | 'done' | 'dead'
  due: number
  /** Whether its last failure was that its lease ran out: then a late acknowledgement counts as long as it is ready. */
  mayBeLate: boolean
}

type Command =
  | {
      readonly kind: 'send'
      readonly count: number
      readonly delay: boolean
      readonly again: boolean
      readonly schema: number
    }
  | { readonly kind: 'grant'; readonly count: number }
  | {
      readonly kind: 'settle'
      readonly how: 'ack' | 'nack' | 'reject' | 'release' | 'unreadable'
      readonly pick: number
      readonly parts: number
    }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'reopen' | 'detach' | 'outdated' }

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      count: fc.integer({ min: 1, max: 6 }),
      delay: fc.boolean(),
      again: fc.boolean(),
      schema: fc.nat(1),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('grant' as const), count: fc.integer({ min: 1, max: 8 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      how: fc.constantFrom('ack', 'ack', 'nack', 'nack', 'reject', 'release', 'unreadable'),
      pick: fc.nat(20),
      parts: fc.nat(3),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 60, 500) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('reopen' as const, 'detach' as const, 'outdated' as const) }),
  },
)

/** What the engine is held against. */
class Model {
  readonly messages = new Map<string, Message>()
  /** The messages of each lease that are not settled, by index. */
  readonly leases = new Map<number, (Message | undefined)[]>()
  /** When each lease began, and what it had when it had run out and ended. */
  readonly since = new Map<number, number>()
  readonly past = new Map<number, (Message | undefined)[]>()
  readonly maxAttempts: number
  /** Whether the consumer has said that it cannot read the second schema. */
  isOutdated = false
  /** The schemas of which it has said that it cannot read some values. */
  readonly hard = new Set<number>()

  constructor(maxAttempts: number) {
    this.maxAttempts = maxAttempts
  }

  count(...states: readonly Message['state'][]): number {
    return [...this.messages.values()].filter(({ state }) => states.includes(state)).length
  }

  /** Messages that wait, and that the consumer cannot read. */
  unreadable(): number {
    const isUnread = ({ schema, isHard }: Message) =>
      (this.isOutdated && schema === 1) || (isHard && this.hard.has(schema))
    return [...this.messages.values()].filter(
      (one) => isUnread(one) && (one.state === 'ready' || one.state === 'waiting'),
    ).length
  }

  /** Messages under leases that have not run out. */
  leased(now: number): number {
    let count = 0
    for (const [lease, messages] of this.leases) {
      if ((this.since.get(lease) as number) + leaseMs > now) count += messages.filter((one) => one).length
    }
    return count
  }

  delivered(consumer: TestConsumer, now: number): void {
    for (const block of consumer.blocks) {
      if (this.leases.has(block.lease)) continue
      const messages = textsOf(block).map((text, index) => {
        const message = this.messages.get(text)
        const attempt = block.extras.find((one) => one.index === index)?.attempt ?? 1
        if (!message || message.state === 'done' || message.state === 'dead' || message.state === 'leased') {
          throw new Error(`${text} was delivered, and is ${message?.state}`)
        }
        if (message.state === 'waiting' && message.due > now) throw new Error(`${text} was delivered too early`)
        if (this.isOutdated && message.schema === 1) throw new Error(`${text} was delivered, and cannot be read`)
        if (message.isHard && this.hard.has(message.schema)) throw new Error(`${text} was delivered, and is too hard`)
        message.isHard = false
        message.attempts += 1
        if (attempt !== message.attempts) throw new Error(`${text}: attempt ${attempt}, not ${message.attempts}`)
        message.state = 'leased'
        return message
      })
      this.leases.set(block.lease, messages)
      this.since.set(block.lease, now)
    }
  }

  /** Acknowledges messages whose lease has run out; returns how many were ready. */
  settleLate(lease: number, index: number, count: number): number {
    const messages = this.past.get(lease)?.slice(index, index + count) ?? []
    const late = messages.filter((one) => one?.state === 'ready' && one.mayBeLate)
    for (const message of late) (message as Message).state = 'done'
    return late.length
  }

  /** Settles; returns how many messages were unsettled. */
  settle(lease: number, index: number, count: number, how: string, due: number): number {
    const messages = this.leases.get(lease) ?? []
    let settled = how === 'ack' ? this.settleLate(lease, index, count) : 0
    if (how === 'lease-lost') this.past.set(lease, [...messages])
    for (let at = index; at < Math.min(messages.length, index + count); at++) {
      const message = messages[at]
      if (!message) continue
      settled += 1
      messages[at] = undefined
      if (how !== 'release' && how !== 'unreadable') message.mayBeLate = how === 'lease-lost'
      if (how === 'ack') message.state = 'done'
      else if (how === 'release' || how === 'unreadable') {
        if (how === 'unreadable') this.hard.add(message.schema)
        message.isHard = how === 'unreadable'
        message.attempts -= 1
        message.state = 'ready'
      } else if (how === 'reject' || message.attempts >= this.maxAttempts) message.state = 'dead'
      else {
        message.state = how === 'lease-lost' ? 'ready' : 'waiting'
        message.due = due
      }
    }
    return settled
  }
}

function play(commands: readonly Command[], maxAttempts: number): void {
  const settings = { maxAttempts, leaseMs, backoff: { initialMs: backoffMs, factor: 1, maxMs: backoffMs } }
  let world = EngineWorld.withJobs(settings)
  let consumer = world.consumer('c', 0)
  const model = new Model(maxAttempts)
  let sequence = 1
  const look = () => {
    model.delivered(consumer, world.clock.now())
    for (const lease of consumer.lost.splice(0)) {
      if (model.settle(lease, 0, Number.POSITIVE_INFINITY, 'lease-lost', 0) === 0)
        throw new Error(`lease ${lease} was lost, and is settled`)
    }
    const { depth, leased, deadLettered, unreadable } = world.engine.counts('jobs')
    if (depth !== model.count('ready', 'waiting', 'leased')) throw new Error(`depth is ${depth}`)
    const held = model.leased(world.clock.now())
    if (leased !== held) throw new Error(`${leased} are leased, not ${held}`)
    if (unreadable > model.unreadable()) throw new Error(`${unreadable} cannot be read, not ${model.unreadable()}`)
    const shown = world.engine.peek('jobs', Number.POSITIVE_INFINITY)
    for (const state of ['ready', 'delayed'] as const) {
      const count = shown.filter((message) => message.state === state).length
      const counted = world.engine.counts('jobs')[state]
      if (counted !== count) throw new Error(`${counted} are ${state}, not ${count}`)
    }
    if (deadLettered > model.count('dead')) throw new Error(`${deadLettered} are dead letters`)
  }
  for (const one of commands) {
    if (one.kind === 'send') {
      const texts = Array.from({ length: one.count }, (_, index) => `m${sequence + index}`)
      const extras = one.delay ? [{ index: 0, delayMs: 30 }] : []
      for (const [index, text] of texts.entries()) {
        const isDelayed = one.delay && index === 0
        model.messages.set(text, {
          text,
          schema: one.schema,
          isHard: false,
          attempts: 0,
          state: isDelayed ? 'waiting' : 'ready',
          due: world.clock.now() + 30,
          mayBeLate: false,
        })
      }
      for (let times = one.again ? 2 : 1; times > 0; times--) {
        world.sendAt(sequence, texts, extras, 'p', 'jobs', meanings[one.schema])
      }
      sequence += one.count
    } else if (one.kind === 'grant') {
      consumer.attachment.grant(one.count)
    } else if (one.kind === 'settle') {
      const block = consumer.blocks[one.pick % Math.max(1, consumer.blocks.length)]
      if (!block) continue
      const { count } = block.messages
      const index = one.parts % count
      const size = Math.max(1, count - index - (one.parts >> 1))
      const expected = model.settle(block.lease, index, size, one.how, world.clock.now() + backoffMs)
      const how = one.how === 'unreadable' ? { kind: 'release' as const, unreadable: true } : { kind: one.how }
      consumer.settle({ ...how, lease: block.lease, index, count: size })
      world.run()
      const [outcome] = consumer.outcomes.at(-1) ?? []
      if (outcome?.settled !== expected) throw new Error(`${outcome?.settled} were settled, not ${expected}`)
    } else if (one.kind === 'pass') {
      // by small steps, so that what runs out is seen before it is delivered again
      for (let ms = 0; ms < one.ms; ms += 10) {
        world.pass(10)
        for (const lease of consumer.lost.splice(0)) model.settle(lease, 0, Number.POSITIVE_INFINITY, 'lease-lost', 0)
        look()
      }
    } else if (one.kind === 'outdated') {
      consumer.attachment.cannotRead([meanings[1] as Buffer])
      model.isOutdated = true
    } else {
      model.isOutdated = false
      model.hard.clear()
      if (one.kind === 'reopen') {
        world = world.reopened(0, settings)
        model.past.clear()
      } else consumer.attachment.detach()
      // all leases of the consumer are released, since it names none
      for (const lease of model.leases.keys()) model.settle(lease, 0, Number.POSITIVE_INFINITY, 'release', 0)
      consumer = world.consumer('c', 0)
      consumer.attachment.adopt([])
      for (const lease of model.leases.keys()) model.leases.set(lease, [])
    }
    world.run()
    for (const lease of consumer.lost.splice(0)) model.settle(lease, 0, Number.POSITIVE_INFINITY, 'lease-lost', 0)
    look()
  }
  // one that can read all gets all, also what was set aside
  consumer.attachment.detach()
  world.consumer('good', 10_000)
  world.pass(leaseMs + backoffMs)
  const { ready, delayed, unreadable } = world.engine.counts('jobs')
  if (ready + delayed + unreadable > 0) throw new Error(`${ready} and ${delayed} are left`)
}

t.test('any commands', async (t) => {
  const property = fc.property(fc.array(command, { maxLength: 40 }), fc.constantFrom(1, 2, 3, 100), play)
  const result = fc.check(property, { numRuns: 500 })
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? `seed ${result.seed}`)
})
