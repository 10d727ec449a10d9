/**
 * Random sequences of what can happen to asks: each has exactly one outcome, and what that says of its execution is true.
 *
 * Peers join and leave, answers come and go, links are cut, resumed, retired and ended, while asks are made, answered, cancelled and
 * late. At the end all links are there, and nothing is left open.
 */
import t from 'tap'
import { defineAsk } from '../../patterns/messaging/define-ask.js'
import { defineSchema, record } from '../../src/avro/index.js'
import { isRivuletError, RivuletError } from '../../src/errors/index.js'
import { Random } from '../simulation/random.js'
import { type Asked, type Link, type TestNode, type TestPeer, World } from './asking.js'

const Query = defineSchema(record('Query', { id: 'long' }))
const once = defineAsk('once', Query, defineSchema('long'))
const often = defineAsk('often', Query, defineSchema('long'), { idempotent: true })
const asks = [once, often]
const names = ['a', 'b', 'c', 'd']

interface Made {
  readonly id: number
  readonly isIdempotent: boolean
  readonly asked: Asked<number>
}

/** One sequence. */
class Sequence {
  readonly world = new World()
  readonly made: Made[] = []
  /** How often each query came to a function that answers. */
  readonly ran = new Map<number, number>()
  readonly #random: Random
  readonly #nodes: TestNode[]
  readonly #held: (() => void)[] = []
  readonly #controllers: AbortController[] = []

  constructor(seed: number) {
    this.#random = new Random(seed)
    this.#nodes = [0, 1, 2].map(() => this.world.node())
  }

  async run(steps: number): Promise<void> {
    for (const name of names) this.#join(name)
    for (let step = 0; step < steps; step++) {
      this.#step()
      if (this.#random.chance(0.4)) await this.world.settle()
    }
    await this.#end()
  }

  get #peers(): TestPeer[] {
    return this.#nodes.flatMap(({ peers }) => [...peers.values()].filter(({ isGone }) => !isGone))
  }

  get #links(): Link[] {
    return this.world.links.filter(({ pair }) => pair.dialer.status !== 'ended')
  }

  #join(name: string): void {
    if (this.#peers.some((peer) => peer.name === name)) return
    this.#answer(this.world.peer(name, this.#random.pick(this.#nodes)))
  }

  #answer(peer: TestPeer): void {
    const ask = this.#random.pick(asks)
    if (peer.answers.numbers.has(ask.name)) return
    peer.answer(ask, ({ id }) => {
      this.ran.set(id, (this.ran.get(id) ?? 0) + 1)
      if (this.#random.chance(0.5)) return id
      return new Promise<number>((resolve) => this.#held.push(() => resolve(id)))
    })
  }

  #ask(): void {
    const random = this.#random
    const peers = this.#peers
    if (peers.length === 0) return
    const ask = random.pick(asks)
    const id = this.made.length
    const controller = new AbortController()
    const options = {
      ...(random.chance(0.3) && { timeoutMs: random.below(3000) }),
      ...(random.chance(0.2) && { waitForReady: false }),
      ...(random.chance(0.3) && { signal: controller.signal }),
    }
    if ('signal' in options) this.#controllers.push(controller)
    const asked = random.pick(peers).ask(random.pick(names), ask, { id }, options)
    this.made.push({ id, isIdempotent: ask === often, asked })
  }

  #link(): void {
    const [one, other] = [this.#random.pick(this.#nodes), this.#random.pick(this.#nodes)]
    if (one !== other && this.#links.filter((link) => link.joins(one, other)).length < 2) this.world.link(one, other)
  }

  #step(): void {
    const random = this.#random
    const what = random.below(20)
    const links = this.#links
    const link = links.length > 0 ? random.pick(links) : undefined
    if (what < 8) this.#ask()
    else if (what < 10) this.#held.splice(random.below(this.#held.length + 1), 1)[0]?.()
    else if (what === 10) this.#link()
    else if (what === 11) this.#join(random.pick(names))
    else if (what === 12 && random.chance(0.4)) random.pick([...this.#peers, undefined])?.leave()
    else if (what === 13) for (const peer of this.#peers) this.#answer(peer)
    else if (what === 14) random.pick([...this.#peers, undefined])?.answers.close({ timeoutMs: random.pick([0, 5000]) })
    else if (what === 15 && link?.pair.dialer.status === 'live') link.cut()
    else if (what === 16 && link?.pair.dialer.status === 'cut') link.resume()
    else if (what === 17) link?.end(random.chance(0.5) ? new RivuletError('RIVULET_CLOSED', 'goodbye') : undefined)
    else if (what === 18) random.pick([...this.#controllers, undefined])?.abort()
    else if (what === 19) this.world.clock.advance(random.below(1500))
    else if (link !== undefined) link.pair.dialer.blocked = !link.pair.dialer.blocked
  }

  /** Everything is connected and answered. */
  async #end(): Promise<void> {
    for (const link of this.#links) {
      link.pair.dialer.blocked = false
      if (link.pair.dialer.status === 'cut') link.resume()
    }
    for (const [at, one] of this.#nodes.entries()) {
      for (const other of this.#nodes.slice(at + 1)) {
        if (!this.#links.some((link) => link.joins(one, other))) this.world.link(one, other)
      }
    }
    for (let round = 0; round < 3; round++) {
      await this.world.settle()
      for (const answer of this.#held.splice(0)) answer()
    }
    this.world.clock.advance(40_000)
    await this.world.settle()
  }

  /** What is wrong, if anything is. */
  get problems(): string[] {
    const problems = this.made.flatMap(({ id, isIdempotent, asked: { outcomes } }) => {
      const ran = this.ran.get(id) ?? 0
      const [outcome] = outcomes
      const said = isRivuletError(outcome) ? `${outcome.code} ${outcome.executed}` : `${outcome}`
      if (outcomes.length !== 1) return [`ask ${id} has ${outcomes.length} outcomes`]
      if (!isIdempotent && ran > 1) return [`ask ${id} ran ${ran} times: ${said}`]
      if (outcome === id) return ran > 0 ? [] : [`ask ${id} has an answer and never ran`]
      if (!isRivuletError(outcome) || outcome.executed === undefined) return [`ask ${id}: ${said}`]
      return outcome.executed === 'no' && ran > 0 ? [`ask ${id} ran: ${said}`] : []
    })
    for (const { id, leftovers, asks } of this.#nodes) {
      const left = Object.entries(leftovers).map(([what, count]) => `${id}: ${count} ${what}`)
      problems.push(...left)
      if (asks.routes.size > 40) problems.push(`${id} keeps ${asks.routes.size} routes`)
    }
    return [...problems, ...this.world.errors.map(({ code, message }) => `${code}: ${message}`)]
  }
}

t.test('asks through changes of peers, answers and links', async (t) => {
  const outcomes = new Map<string, number>()
  for (let seed = 1; seed <= 60; seed++) {
    const sequence = new Sequence(seed)
    await sequence.run(120)
    const { problems } = sequence
    if (problems.length > 0) t.fail(`seed ${seed}: ${problems.slice(0, 5).join('; ')}`)
    for (const { asked } of sequence.made) {
      const [outcome] = asked.outcomes
      const key = isRivuletError(outcome) ? `${outcome.code} ${outcome.executed}` : 'answered'
      outcomes.set(key, (outcomes.get(key) ?? 0) + 1)
    }
  }
  t.comment(JSON.stringify(Object.fromEntries(outcomes)))
  for (const key of [
    'answered',
    'RIVULET_UNKNOWN_PEER no',
    'RIVULET_PEER_GONE maybe',
    'RIVULET_UNIMPLEMENTED no',
    'RIVULET_CANCELLED no',
  ]) {
    t.ok((outcomes.get(key) ?? 0) > 3, `${key} is among the outcomes`)
  }
})
