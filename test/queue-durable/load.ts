/**
 * Producers and consumers under load, who say in lines what they were told and what they are about to do.
 *
 * What a message is worth, and how it is sent, follows from its number: most are done, some fail always, some once, some are
 * rejected; some have an id of their own or one that others have, a key, a delay, a time to live. Each message says in its
 * value how it was sent. A line is said before what it announces: whoever reads the lines knows of every ack that the host
 * may have heard of. Who keeps the lines, and whether this runs in a process of its own, is not known here.
 */
import type { Subscription } from 'rxjs'
import type { Consumer, Delivery, Producer, SendOptions, SendResult } from '../../patterns/queue/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import type { Job } from '../support/job.js'
import { leaseNumberOf } from '../support/lease-number.js'
import { seeded } from '../support/seeded.js'

/**
 * Takes a line:
 *
 * - `c OUTCOME…`: these were confirmed to their producer, each as `NUMBER`, `NUMBER:POSITION` if its place was told, or
 *   `NUMBER:=` if it was told to be a duplicate; `f NUMBER CODE EXECUTED`: this one was not;
 * - `d NUMBER ATTEMPT LEASE POSITION KIND`: was delivered, and is being settled: `a`, `n`, `r`, or `-` if that comes later;
 * - `s NUMBER LEASE KIND`: is being settled;
 * - `o KIND NUMBER:LEASE…`: these were confirmed as settled; `x NUMBER LEASE KIND CODE`: this was not;
 * - `w NUMBER WORDS`: it was delivered or confirmed with other options than its own.
 */
export type Say = (line: string) => void

/** How a message is settled: done, failed, rejected. */
export type Kind = 'a' | 'n' | 'r'

/** Ids of one producer. */
export const idsPerProducer = 1_000_000

/** One in so many messages is of each special kind. */
const oneIn = 200

/** Whether a message fails whenever it is delivered. */
export const isPoison = (id: number): boolean => id % oneIn === 7

/** Whether a message is rejected when it is delivered. */
export const isRejected = (id: number): boolean => id % oneIn === 11

/** What its consumer does with a message. */
export function kindOf(id: number, attempt: number): Kind {
  if (isRejected(id)) return 'r'
  return isPoison(id) || (id % oneIn === 13 && attempt === 1) ? 'n' : 'a'
}

/** What a message has beside its value. */
export type Own = Pick<SendOptions, 'id' | 'key' | 'delayMs' | 'ttlMs'>

/** A time to live that does not end within a run, in milliseconds. */
const longLifeMs = 3_600_000

/** How a message is sent; a message that fails has no id of others, and does not expire. */
export function optionsOf(number: number): Own | undefined {
  const random = seeded(number)
  if (random() < 0.4) return undefined
  const isDone = kindOf(number, 1) === 'a'
  const own: { -readonly [Key in keyof Own]: Own[Key] } = {}
  const kind = random()
  if (kind < 0.4) own.id = `m${number}`
  else if (kind < 0.5 && isDone) own.id = `s${number >> 6}`
  else if (kind < 0.55 && isDone) own.id = `x${(number % idsPerProducer) >> 4}`
  if (random() < 0.3) own.key = `k${number % 16}`
  if (random() < 0.15) own.delayMs = 20 + Math.floor(300 * random())
  const mayExpire = random() < 0.5 && isDone && (own.id === undefined || own.id === `m${number}`)
  if (random() < 0.2) own.ttlMs = mayExpire ? 20 + Math.floor(500 * random()) : longLifeMs
  return own
}

/** Whether a message may expire within a run. */
export const mayExpire = (number: number): boolean => (optionsOf(number)?.ttlMs ?? longLifeMs) < longLifeMs

/** What else its value is padded with, in bytes: some take a batch of their own, and some more than a frame. */
function paddingOf(number: number): number {
  if (number % 400 === 21) return 200_000
  return number % 40 === 5 ? 30_000 : number % 300
}

/** A message that says how it is sent. */
export function messageOf(number: number, own: Own | undefined): { id: number; note: string } {
  return { id: number, note: `${JSON.stringify(own ?? {})}\n${'x'.repeat(paddingOf(number))}` }
}

/** What is known of a message that was delivered or looked at. */
interface Arrived {
  readonly id?: string | undefined
  readonly key?: string | undefined
  readonly time: Date
  /** When it is due, or when it came, if it came for the first time. */
  readonly due?: Date | undefined
}

/** Clocks of two processes, and times rounded up, may be so far apart, in milliseconds. */
const clockSlackMs = 50

/** What a message has that it should not have, in words, by what its value says; `undefined` if that is nothing. */
export function wrongOf({ note }: Pick<Job, 'note'>, { id, key, time, due }: Arrived): string | undefined {
  const own: Own = JSON.parse(note.slice(0, note.indexOf('\n')))
  if (id !== own.id) return `id ${id}, not ${own.id}`
  if (key !== own.key) return `key ${key}, not ${own.key}`
  const delayMs = due === undefined ? Number.POSITIVE_INFINITY : due.getTime() - time.getTime()
  if (delayMs < (own.delayMs ?? 0) - clockSlackMs) return `due after ${delayMs} ms, not ${own.delayMs}`
  return undefined
}

/** What a load does beside sending. */
export interface LoadOptions {
  /** Messages under way at the most, give or take a burst. */
  readonly inFlight: number
  /** Whether some sends give up soon. */
  readonly givesUp?: boolean
}

/** Messages that are sent in one turn at the most. */
const burst = 12

/** A producer that always has some messages under way, which it sends in bursts, by `send` and `sendAll` in one turn. */
export class SendingLoad {
  readonly done: Promise<void>
  readonly #producer: Producer<{ id: number; note?: string }>
  readonly #options: LoadOptions
  readonly #say: Say
  readonly #random: () => number
  #next: number
  #stopped = false
  #underWay = 0
  #confirmed: string[] = []
  #goOn: () => void = () => {}

  constructor(producer: Producer<{ id: number; note?: string }>, firstNumber: number, say: Say, options: LoadOptions) {
    this.#producer = producer
    this.#next = firstNumber
    this.#say = say
    this.#options = options
    this.#random = seeded(firstNumber)
    this.done = this.#run()
  }

  /** Begins nothing more; `done` resolves when all has its outcome. */
  stop(): void {
    this.#stopped = true
    this.#goOn()
  }

  async #run(): Promise<void> {
    const { inFlight } = this.#options
    while (!this.#stopped || this.#underWay > 0) {
      if (!this.#stopped && this.#underWay < inFlight) {
        this.#burst(Math.min(1 + Math.floor(burst * this.#random()), inFlight - this.#underWay))
        await new Promise(setImmediate)
      } else {
        await new Promise<void>((resolve) => {
          this.#goOn = resolve
        })
      }
    }
    this.#tell()
  }

  /** Sends messages with all kinds of options; those that have none go together in part. */
  #burst(count: number): void {
    let together: number[] = []
    for (let sent = 0; sent < count; sent++) {
      const number = this.#next++
      const own = optionsOf(number)
      if (own === undefined && this.#random() < 0.5) together.push(number)
      else void this.#send(number, own)
      if (this.#random() < 0.3) {
        void this.#sendAll(together)
        together = []
      }
    }
    void this.#sendAll(together)
  }

  async #send(number: number, own: Own | undefined): Promise<void> {
    const givesUp = this.#options.givesUp && this.#random() < 0.05 ? { timeoutMs: Math.floor(50 * this.#random()) } : {}
    this.#underWay += 1
    await this.#producer.send(messageOf(number, own), own || givesUp ? { ...own, ...givesUp } : undefined).then(
      (result) => this.#wasStored(number, own?.id, result),
      ({ code, executed }: RivuletError) => this.#say(`f ${number} ${code} ${executed}`),
    )
    this.#settled(1)
  }

  async #sendAll(numbers: readonly number[]): Promise<void> {
    if (numbers.length === 0) return
    this.#underWay += numbers.length
    const failed = ({ code }: { readonly code: string }) => {
      for (const number of numbers) this.#say(`f ${number} ${code} maybe`)
    }
    await this.#producer
      .sendAll(numbers.map((number) => messageOf(number, undefined)))
      .then(({ dropped }) => (dropped > 0 ? failed({ code: 'DROPPED' }) : this.#confirm(numbers.map(String))), failed)
    this.#settled(numbers.length)
  }

  #wasStored(number: number, own: string | undefined, { id, duplicate }: SendResult): void {
    if (own === undefined ? duplicate : id !== own) this.#say(`w ${number} confirmed as '${id}', not as '${own}'`)
    if (duplicate) this.#confirm([`${number}:=`])
    else this.#confirm([own !== undefined || id === '' ? `${number}` : `${number}:${id}`])
  }

  #confirm(outcomes: readonly string[]): void {
    if (this.#confirmed.length === 0) setImmediate(() => this.#tell())
    this.#confirmed.push(...outcomes)
  }

  #tell(): void {
    if (this.#confirmed.length > 0) this.#say(`c ${this.#confirmed.splice(0).join(' ')}`)
  }

  #settled(count: number): void {
    this.#underWay -= count
    this.#goOn()
  }
}

/** Settles everything that a consumer is given: most at once, some many turns later. */
export function workingLoad(consumer: Consumer<Job>, random: () => number, say: Say): Subscription {
  const settled: Record<Kind, string[]> = { a: [], n: [], r: [] }
  const settle = (delivery: Delivery<Job>, lease: number, kind: Kind) => {
    const { id } = delivery.value
    const settling = {
      a: () => delivery.ack(),
      n: () => delivery.nack({ reason: 'it fails' }),
      r: () => delivery.reject('bad'),
    }
    settling[kind]().then(
      () => {
        const list = settled[kind]
        if (list.push(`${id}:${lease}`) === 1) setImmediate(() => say(`o ${kind} ${list.splice(0).join(' ')}`))
      },
      (error: RivuletError) => say(`x ${id} ${lease} ${kind} ${error.code}`),
    )
  }
  return consumer.deliveries.subscribe((delivery) => {
    const { value, attempt, position, id, key, time } = delivery
    const wrong = wrongOf(value, { id, key, time, due: attempt === 1 ? new Date() : undefined })
    if (wrong !== undefined) say(`w ${value.id} delivered with ${wrong}`)
    const lease = leaseNumberOf(delivery)
    const kind = kindOf(value.id, attempt)
    let turns = random() < 0.1 ? Math.floor(random() * 50) : 0
    say(`d ${value.id} ${attempt} ${lease} ${position} ${turns === 0 ? kind : '-'}`)
    const wait = () => {
      if (turns-- > 0) {
        setImmediate(wait)
        return
      }
      say(`s ${value.id} ${lease} ${kind}`)
      settle(delivery, lease, kind)
    }
    if (turns === 0) settle(delivery, lease, kind)
    else wait()
  })
}
