/**
 * One run of topics: publishers, some of which keep history, hubs, and subscribers that come and go; trouble, its end, rest.
 *
 * What follows the topics, asks for history, keeps and serves it is of the package; sockets, disks, network, clocks and chance are
 * simulated.
 */
import { ownerOf, wayOf } from './link-ends.js'
import type { Random } from './random.js'
import type { SeedOutcome } from './seeds.js'
import { playRun, type RunOptions, SimulationRun } from './simulation-run.js'
import { repairTimeoutMs } from './topics-history.js'
import { SimulatedHub } from './topics-hub.js'
import { TopicsOracle } from './topics-oracle.js'
import type { TopicsPlan } from './topics-plan.js'
import { drawRole, policedPlanOf, waysOf } from './topics-policy-plan.js'
import { SimulatedPublisher } from './topics-publisher.js'
import { TopicsRealm } from './topics-realm.js'
import { type HubWiring, hubReachOf, wiringOf } from './topics-shape.js'
import { SimulatedSubscriber } from './topics-subscriber.js'
import type { TopicsWorld } from './topics-world.js'
import type { TurnProcess } from './turn-process.js'

/** How a run ended. */
export interface TopicsOutcome extends SeedOutcome {
  readonly delivered: number
  readonly gaps: number
}

/** How long after trouble something may still be missing for it, in milliseconds; each hub may wait for links in turn. */
function aftermathOf({ hubs }: TopicsPlan): number {
  return repairTimeoutMs + 7000 + 5000 * hubs.length
}

/** How long it takes at most until all are connected and complete when nothing goes wrong any more, in milliseconds. */
const restMs = 100_000

/** How long after the last message of a burst its loss is known, without what its repair takes, in milliseconds. */
const beaconMs = 1000

/** How long is waited for links to publishers that none lead to, again for what was not held meanwhile, in milliseconds. */
const unreachedMs = 12_000

/** How long after the last message of a burst there are no beacons any more, in milliseconds. */
const beaconsMs = 70_000

/** How long it takes at most until what was lost is found without beacons, when all are connected again, in milliseconds. */
const foundMs = 15_000

/** How long it takes at most until a ring of hubs is found that are connected, in milliseconds. */
const ringMs = 15_000

/** How long a side waits at most that was not admitted, in milliseconds: links, and what is followed over them. */
const longestRetryMs = 30_000

/** Runs a seed. */
export async function simulateTopics(seed: number, options: RunOptions = {}): Promise<TopicsOutcome> {
  const { run, outcome } = await playRun(seed, (random) => new TopicsRun(random, seed, options), options)
  const { delivered, gaps } = run.world.oracle
  return { ...outcome, delivered, gaps }
}

class TopicsRun extends SimulationRun {
  readonly world: TopicsWorld
  readonly #publishers: readonly SimulatedPublisher[]
  readonly #subscribers: readonly SimulatedSubscriber[]
  readonly #hubs: readonly SimulatedHub[]
  readonly #edges: readonly (readonly [TurnProcess, TurnProcess])[]
  /** Whether all roles are final. */
  #isAtRest = false

  constructor(random: Random, seed: number, options: RunOptions) {
    super()
    const plan = policedPlanOf(random, seed)
    options.log?.(JSON.stringify(plan))
    let lastId = 0
    const wiring = wiringOf(plan)
    const { policy } = plan
    const world = SimulationRun.worldOf(random, plan.weather, plan.turnEnds, options)
    this.world = {
      ...world,
      plan,
      realm: policy && new TopicsRealm(policy.guards, waysOf(plan, wiring), policy.roles),
      oracle: new TopicsOracle(),
      troubledUntil: 0,
      troubled(ms) {
        this.troubledUntil = Math.max(this.troubledUntil, world.scheduler.now + ms + aftermathOf(plan))
      },
      nextId: () => {
        lastId += 1
        return lastId
      },
    }
    const { hubs, dialed, connect, accepts, edges } = wiring
    this.#publishers = plan.publishers.map((one, at) => new SimulatedPublisher(`p${at}`, this.world, one, dialed))
    const patterns = ['#', 'a.#', 'a', '*', 'a.*', 'b.#', ...plan.topics]
    this.#subscribers = Array.from(
      { length: plan.subscribers },
      (_, at) => new SimulatedSubscriber(`s${at}`, this.world, { connect, accepts, patterns }),
    )
    this.#hubs = plan.hubs.map((one, at) => new SimulatedHub(`h${at}`, this.world, one, hubs[at] as HubWiring))
    const named = new Map(this.#all.map((one) => [one.name, one]))
    this.#edges = edges.map(([one, other]) => [named.get(one), named.get(other)] as [TurnProcess, TurnProcess])
  }

  get #all(): readonly TurnProcess[] {
    return [...this.#publishers, ...this.#subscribers, ...this.#hubs]
  }

  override play(): void {
    const real = globalThis.setImmediate
    // what the package does in the next turn is a turn of the process that asks for it
    globalThis.setImmediate = ((callback: () => void) => this.world.turns.nextTurn(callback)) as typeof setImmediate
    try {
      this.#play()
    } finally {
      globalThis.setImmediate = real
    }
  }

  #play(): void {
    const { random, plan } = this.world
    for (const process of this.#all) {
      if (random.chance(0.2)) this.world.scheduler.after(random.below(plan.pauseMs * 5), () => process.boot())
      else process.boot()
    }
    for (let count = plan.events; count > 0; count--) {
      this.pass(random.below(plan.pauseMs + 1))
      if (random.below(100) < plan.trouble) this.#trouble()
      else this.#act()
    }
    this.#rest()
  }

  #act(): void {
    const { random, plan } = this.world
    if (plan.leaving > 0 && random.chance(plan.leaving)) {
      random.pick(this.#subscribers).comeOrGo()
      return
    }
    const publisher = random.pick(this.#publishers)
    const topic = random.pick(plan.topics)
    if (random.chance(0.05)) random.pick(this.#subscribers).followAnother()
    else if (random.chance(0.1)) publisher.publish(topic, 1, true)
    else if (random.chance(0.08)) publisher.clear(topic)
    else publisher.publish(topic, random.between(1, plan.burst))
  }

  #trouble(): void {
    const { random, plan, network, trace, scheduler } = this.world
    if (plan.policy !== undefined && random.chance(plan.policy.changing)) {
      this.#changeRoles(random.below(plan.troubleMs + 1))
      return
    }
    const what = random.below(8)
    const ms = random.below(plan.troubleMs + 1)
    trace.note(scheduler.now, 'world', 'trouble', what, ms)
    this.world.troubled(ms)
    const { open } = network
    if (what < 2) {
      if (open.length > 0) random.pick(open).cut()
    } else if (what < 3) {
      if (open.length > 0) random.pick(open).hold(ms)
    } else if (what < 4) random.pick(this.#all).stall(ms)
    else if (what < 5) this.#crash(random.pick(this.#publishers), ms)
    else if (what < 6) this.restart(random.pick([...this.#subscribers, ...this.#hubs]), ms)
    else if (what < 7) random.pick(this.#subscribers).cut()
    else if (this.#hubs.length > 0) this.#part(...random.pick(this.#edges), ms)
    else this.#part(random.pick(this.#subscribers), random.pick(this.#publishers), ms)
  }

  /** Somebody gets another role, or loses its key for a while. */
  #changeRoles(ms: number): void {
    const { random, realm, plan, trace, scheduler } = this.world
    if (realm === undefined || plan.policy === undefined) return
    const letter = random.chance(0.1) ? 'h' : plan.policy.isOfWriters && random.chance(0.8) ? 'p' : 's'
    const members = realm.members.filter((name) => name.startsWith(letter))
    if (members.length === 0) return
    const name = random.pick(members)
    const role = letter === 'h' ? 'all' : drawRole(random)
    const isRevoked = letter === 'h' || random.chance(0.5)
    trace.note(scheduler.now, 'world', `${name} becomes ${role}`, isRevoked ? ms : 0)
    this.world.troubled(longestRetryMs + (isRevoked ? ms : 0))
    if (isRevoked) realm.assign(name, undefined)
    scheduler.after(isRevoked ? ms : 0, () => {
      if (this.#isAtRest) return
      realm.assign(name, role)
    })
  }

  /** The allow list stays as it is from now on: nobody is without a role but for some. */
  #settleRoles(): void {
    const { random, realm, plan } = this.world
    this.#isAtRest = true
    if (realm === undefined || plan.policy === undefined || plan.policy.changing === 0) return
    for (const name of realm.members) {
      if (realm.roleOf(name) !== undefined || (!name.startsWith('h') && random.chance(0.3))) continue
      realm.assign(name, name.startsWith('h') ? 'all' : drawRole(random))
      this.world.troubled(longestRetryMs)
    }
  }

  /** A publisher crashes, often soon after it has published. */
  #crash(publisher: SimulatedPublisher, ms: number): void {
    const { random, plan } = this.world
    if (random.chance(0.7)) {
      publisher.publish(random.pick(plan.topics), random.between(1, plan.burst))
      this.pass(random.below(100))
    }
    this.restart(publisher, ms)
  }

  #part(one: TurnProcess, other: TurnProcess, ms: number): void {
    const { network } = this.world
    for (const way of [wayOf(one, other), wayOf(other, one)]) {
      network.setApart(way, ms)
      for (const connection of network.open) if (connection.name.startsWith(`${way}#`)) connection.cut()
    }
  }

  /** Nothing goes wrong any more: all is found, and a loss at the end of a burst is found soon. */
  #rest(): void {
    const { network, plan } = this.world
    network.heal()
    for (const one of [...this.#publishers, ...this.#hubs]) one.isCalm = true
    if (plan.leaving > 0) for (const subscriber of this.#subscribers) subscriber.comeBack()
    this.world.troubled(0)
    this.#settleRoles()
    this.rest({ mostMs: restMs, stepMs: 250, looks: 4 }, () => {
      if (this.#all.some(({ isAlive, isStalled }) => !isAlive || isStalled)) return 'somebody is away'
      return this.#unconnected()
    })
    this.#publishAll(1)
    const { scheduler, oracle } = this.world
    const connectedAt = scheduler.now
    this.rest({ mostMs: restMs, stepMs: 250, looks: 2 }, () => {
      const circling = this.#circling()
      if (circling !== undefined && scheduler.now - connectedAt > ringMs) oracle.fail(circling)
      return circling ?? this.#unsettled()
    })
    this.pass(aftermathOf(plan))
    const sources = this.#publishers.flatMap(({ source }) => source ?? [])
    for (const subscriber of this.#subscribers) {
      const presumed = subscriber.presumed(sources)
      if (presumed !== undefined) this.world.oracle.fail(presumed)
    }
    const { delayMs, jitterMs } = plan.weather
    this.#publishAll(12)
    const hops = 1 + this.#hubs.length
    const waitMs = hubReachOf(plan).isOpen ? 0 : unreachedMs
    this.pass(hops * beaconMs + 12 * hops * (delayMs + jitterMs) + waitMs)
    const missing = this.#missing()
    if (missing !== undefined) this.world.oracle.fail(`not within ${beaconMs} ms: ${missing}`)
    if (this.world.random.chance(0.15)) this.#outlast()
  }

  /** All are apart until no beacon comes any more: what histories keep is found when they are connected again. */
  #outlast(): void {
    this.world.troubled(beaconsMs)
    const own = this.#edges.filter(([one]) => one instanceof SimulatedSubscriber)
    for (const [subscriber, other] of own) this.#part(subscriber, other, beaconsMs)
    this.#publishAll(1)
    this.pass(beaconsMs)
    this.rest({ mostMs: restMs, stepMs: 250, looks: 1 }, () => this.#unconnected())
    const { isOpen } = hubReachOf(this.world.plan)
    const kept = this.#publishers.filter(({ keepsMessages }) => keepsMessages && isOpen)
    this.rest({ mostMs: foundMs, stepMs: 250, looks: 2 }, () => this.#missing(kept))
  }

  #publishAll(messages: number): void {
    for (const publisher of this.#publishers)
      for (const topic of this.world.plan.topics) publisher.publish(topic, messages)
  }

  #unconnected(): string | undefined {
    const all = [...this.#subscribers, ...this.#hubs]
    return all.every(({ isConnected }) => isConnected) ? undefined : 'somebody is not connected'
  }

  /** A publisher whose messages all hubs keep that subscribers are connected to, of which one of these does not know. */
  #unknown(): string | undefined {
    const { shape } = this.world.plan
    const last = this.#hubs.slice(shape === 'chain' ? 1 : 0)
    const kept = last[0]?.kept().filter((source) => last.every((hub) => hub.kept().includes(source))) ?? []
    for (const subscriber of this.#subscribers) {
      const unknown = subscriber.unknown(kept)
      if (unknown !== undefined) return unknown
    }
    return undefined
  }

  #unsettled(): string | undefined {
    return this.#missing() ?? this.#unknown() ?? this.#untold()
  }

  /** Somebody who was denied something by a policy, and did not learn it. */
  #untold(): string | undefined {
    const { realm, plan } = this.world
    if (realm === undefined) return undefined
    for (const subscriber of this.#subscribers) {
      const untold = subscriber.untold()
      if (untold !== undefined) return untold
    }
    for (const publisher of this.#publishers) {
      if (publisher.denials.length > 0) continue
      for (const topic of plan.topics) {
        for (const name of realm.refusersOf(publisher.name, topic)) {
          // a hub takes what its subscribers want
          const wanting = this.#subscribers.filter((one) => one.name === name || name.startsWith('h'))
          if (wanting.some((one) => one.wants(topic)))
            return `${publisher.name} does not learn that ${topic} is not taken`
        }
      }
    }
    return undefined
  }

  /** Of a ring, one connection between hubs is ended for good; no other is. */
  #circling(): string | undefined {
    const ended = this.#hubs.flatMap((hub) => hub.ended)
    const wrong = ended.find((address) => !this.#hubs.some(({ name }) => ownerOf(address) === name))
    if (wrong !== undefined) return `the connection to ${wrong} was ended`
    const due = this.world.plan.shape === 'ring' ? 1 : 0
    return ended.length === due ? undefined : `${ended.length} connections between hubs were ended, not ${due}`
  }

  #missing(publishers = this.#publishers): string | undefined {
    const sources = publishers.flatMap(({ source }) => source ?? [])
    for (const subscriber of this.#subscribers) {
      const missing = subscriber.missing(sources)
      if (missing !== undefined) return missing
    }
    return undefined
  }
}
