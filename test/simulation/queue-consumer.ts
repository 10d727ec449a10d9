/**
 * A consumer in simulated trouble: it is slow, fails, freezes, loses its connection, and goes on where it was.
 *
 * What it has said is said again until it is confirmed. Leases that it holds it takes over after each cut.
 */
import type { Attachment, LeasedBlock, Settlement, SettleOutcome } from '../../src/engine/index.js'
import { schemaIdName } from '../../src/engine/schema-texts.js'
import { textsOf } from '../engine/engine-world.js'
import { Connection, type QueueHost, type QueueWorld, queueName } from './queue-host.js'
import { schemaIdOf } from './queue-producer.js'

/** Messages of a lease that it has not settled, by index. */
interface Held {
  readonly lease: number
  readonly open: Set<number>
}

/** A consumer. */
export class SimulatedConsumer {
  readonly name: string
  readonly #world: QueueWorld
  readonly #host: QueueHost
  #connection: Connection | undefined
  #attachment: Attachment | undefined
  readonly #held = new Map<number, Held>()
  readonly #unconfirmed = new Set<Settlement>()
  /** Leases that the engine has delivered and that have not arrived. */
  readonly #inTransit = new Set<number>()
  #isSuspended = false
  /** The schemas that it cannot read, by the names of their meanings; those that it knows of; those that the engine does. */
  readonly #unreadable = new Set<string>()
  readonly #refused = new Map<string, Uint8Array>()
  #named = new Set<string>()
  /** Whether it cannot read some values, whatever their schema. */
  readonly #isPicky: boolean
  #frozenFrom = 0
  #frozenUntil = 0
  /** Messages that the engine may still deliver to the present attachment. */
  #credit = 0
  /** Whether it acknowledges all, without haste or mistakes. */
  isTame = false

  /** @param isOutdated - Whether it cannot read some schemas. */
  constructor(name: string, world: QueueWorld, host: QueueHost, isOutdated: boolean) {
    this.name = name
    this.#world = world
    this.#host = host
    host.peers.push(this)
    const { random, plan } = world
    this.#isPicky = isOutdated && random.chance(plan.outdated)
    for (let schema = 0; isOutdated && schema < plan.schemas; schema++) {
      if (random.chance(plan.outdated)) this.#unreadable.add(schemaIdName(schemaIdOf(schema)))
    }
  }

  connect(): void {
    this.cut()
    const { plan, oracle } = this.#world
    const connection = new Connection(this.#world, this.#host)
    this.#connection = connection
    const { generation, engine } = this.#host
    if (!engine) return
    this.#credit = 0
    const attachment = engine.attach(queueName, this.name, {
      deliver: (leased) => {
        if (attachment !== this.#attachment) oracle.fail(`${this.name} is delivered to after it left`)
        if (this.#named.has(schemaIdName(leased.messages.schemaId)))
          oracle.fail(`${this.name} is given what it cannot read`)
        if (this.#isSuspended) oracle.fail(`${this.name} is delivered to while it cannot be reached`)
        this.#credit -= leased.messages.count
        if (this.#credit < 0) oracle.fail(`${this.name} was given more than its credit`)
        oracle.arrived(leased, this.name, generation)
        this.#inTransit.add(leased.lease)
        connection.send(() => {
          if (this.#inTransit.delete(leased.lease)) this.#arrived(connection, leased)
        })
      },
      lost: (lease) => connection.send(() => this.#lost(lease)),
      silentMs: () => this.#silentMs,
    })
    this.#attachment = attachment
    this.#named = new Set(this.#refused.keys())
    if (this.#named.size > 0) attachment.cannotRead([...this.#refused.values()])
    const leases = [...this.#held.keys()]
    for (const lease of this.#adopt(attachment, leases)) this.#lost(lease)
    for (const settlement of this.#unconfirmed) this.#say(settlement)
    this.#grant(plan.habits.credit)
  }

  cut(): void {
    if (this.#connection) this.#connection.isOpen = false
    this.#connection = undefined
    if (this.#host.engine) this.#attachment?.detach()
    this.#attachment = undefined
    this.#inTransit.clear()
    this.#isSuspended = false
  }

  /** Loses its stream, or its connection: then it resumes after a while, or its session ends first. */
  lose(ms: number): void {
    const { random } = this.#world
    if (this.#connection && !this.#isSuspended && random.chance(0.6)) this.#suspend(ms, random.chance(0.3))
    else this.cut()
    this.#world.scheduler.after(ms, () => this.#host.engine && !this.#connection && this.connect())
  }

  #suspend(ms: number, isForGood: boolean): void {
    const { random, scheduler } = this.#world
    const connection = this.#connection
    const attachment = this.#attachment
    if (!connection || !attachment) return
    connection.pause()
    this.#isSuspended = true
    // what the engine has delivered to the host may have left, or not
    const unsent = [...this.#inTransit].filter(() => random.chance(0.5))
    for (const lease of unsent) {
      this.#inTransit.delete(lease)
      this.#credit += this.#world.oracle.withdrawn(lease)
    }
    attachment.suspend(unsent)
    scheduler.after(random.below(ms + 1), () => {
      if (connection !== this.#connection || !this.#host.engine) return
      if (isForGood) {
        attachment.abandon()
        this.cut()
        return
      }
      this.#isSuspended = false
      connection.goOn()
      attachment.resume()
    })
  }

  /** Does nothing for a while, not even extend its leases. */
  freeze(ms: number): void {
    const { now } = this.#world.scheduler
    if (now >= this.#frozenUntil) this.#frozenFrom = now
    this.#frozenUntil = Math.max(this.#frozenUntil, this.#world.scheduler.now + ms)
  }

  /** Extends its leases, or does not. */
  act(): void {
    const { random, plan, scheduler } = this.#world
    const connection = this.#connection
    const attachment = this.#attachment
    if (!connection || !attachment || scheduler.now < this.#frozenUntil || !random.chance(plan.habits.extends)) return
    const leases = [...this.#held.keys()]
    connection.send(() => {
      const lost = attachment.extend(leases)
      connection.send(() => {
        for (const lease of lost) this.#lost(lease)
      })
    })
  }

  /** How long nothing comes from it. */
  get #silentMs(): number {
    const { now } = this.#world.scheduler
    return now < this.#frozenUntil ? now - this.#frozenFrom : 0
  }

  #adopt(attachment: Attachment, leases: readonly number[]): number[] {
    this.#world.oracle.adopted(this.name, leases)
    return attachment.adopt(leases)
  }

  #arrived(connection: Connection, leased: LeasedBlock): void {
    const { random, plan } = this.#world
    const { lease, messages } = leased
    const { count } = messages
    if (this.#unreadable.has(schemaIdName(messages.schemaId))) {
      if (connection === this.#connection) this.#refuse(connection, leased)
      return
    }
    this.#held.set(lease, { lease, open: new Set(Array.from({ length: count }, (_, index) => index)) })
    if (connection === this.#connection) this.#grant(count)
    // work on all of it at once, or on parts
    let index = 0
    const hard = this.#isPicky ? textsOf(leased).flatMap((text, at) => (text.endsWith('3') ? [at] : [])) : []
    while (index < count) {
      const from = index
      const next = hard.find((at) => at >= from) ?? count
      if (next === from) {
        this.#giveBack(lease, from)
        index += 1
        continue
      }
      const size = this.isTame ? next - from : random.between(1, next - from)
      this.#after(this.isTame ? 0 : random.below(plan.habits.workMs + 1), () => this.#finish(lease, from, size))
      index += size
    }
  }

  /** Gives back messages that it cannot read, and says so. */
  #refuse(connection: Connection, { lease, messages }: LeasedBlock): void {
    const { schemaId, count } = messages
    const name = schemaIdName(schemaId)
    const attachment = this.#attachment
    this.#refused.set(name, schemaId)
    connection.send(() => {
      const named = this.#named
      attachment?.cannotRead([schemaId])
      // what was being dealt out then is still delivered
      this.#host.engine?.settled(() => named.add(name))
    })
    const settlement: Settlement = { lease, index: 0, count, kind: 'release' }
    this.#unconfirmed.add(settlement)
    this.#say(settlement)
    this.#grant(count)
  }

  /** Gives back a message whose value it cannot read. */
  #giveBack(lease: number, index: number): void {
    const held = this.#held.get(lease)
    held?.open.delete(index)
    if (held?.open.size === 0) this.#held.delete(lease)
    const settlement: Settlement = { lease, index, count: 1, kind: 'release', unreadable: true }
    this.#unconfirmed.add(settlement)
    this.#say(settlement)
  }

  #finish(lease: number, index: number, count: number): void {
    const { random, plan } = this.#world
    const { nacks, rejects, releases } = plan.habits
    const held = this.#held.get(lease)
    if (held) for (let at = index; at < index + count; at++) held.open.delete(at)
    if (held?.open.size === 0) this.#held.delete(lease)
    const draw = random.below(1000) / 1000
    let kind: Settlement['kind'] = 'ack'
    if (this.isTame) kind = 'ack'
    else if (draw < nacks) kind = 'nack'
    else if (draw < nacks + rejects) kind = 'reject'
    else if (draw < nacks + rejects + releases) kind = 'release'
    const delayMs = kind === 'nack' && random.chance(0.3) ? { delayMs: random.below(300) } : undefined
    const settlement: Settlement = { lease, index, count, kind, ...delayMs }
    this.#unconfirmed.add(settlement)
    this.#say(settlement)
  }

  #say(settlement: Settlement): void {
    const connection = this.#connection
    const attachment = this.#attachment
    const { oracle } = this.#world
    connection?.send(() => {
      oracle.said(settlement)
      attachment?.settle([settlement], ([outcome]) => {
        oracle.told(settlement, outcome as SettleOutcome)
        connection.send(() => {
          if (outcome?.error) this.#after(50, () => this.#unconfirmed.has(settlement) && this.#say(settlement))
          else this.#unconfirmed.delete(settlement)
        })
      })
    })
  }

  #lost(lease: number): void {
    this.#held.delete(lease)
  }

  #grant(messages: number): void {
    const connection = this.#connection
    const attachment = this.#attachment
    connection?.send(() => {
      this.#credit += messages
      attachment?.grant(messages)
    })
  }

  /** Does something after a time, and not while it is frozen. */
  #after(ms: number, action: () => void): void {
    const { scheduler } = this.#world
    scheduler.after(ms, () => {
      if (scheduler.now < this.#frozenUntil) this.#after(this.#frozenUntil - scheduler.now, action)
      else action()
    })
  }
}
