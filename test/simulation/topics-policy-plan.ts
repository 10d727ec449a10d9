/** Who holds whom to a policy in a run of topics: drawn for a plan that has none. */
import type { Random } from './random.js'
import { type HubPlan, type Shape, type TopicsPlan, topicsPlanOf, widerFrom } from './topics-plan.js'
import type { RealmWay } from './topics-realm.js'
import type { PolicyPlan, Role } from './topics-roles.js'
import type { Wiring } from './topics-shape.js'

/** What a beacon takes while it waits, in bytes, about. */
const beaconBytes = 300

const rolesDrawn = ['all', 'all', 'some', 'one', 'blind', 'none'] as const

/** What policies of writers leave of a shape: nobody has an address who is held to one, and nobody connects who holds others. */
const shapesOfWriters: Readonly<Record<Shape, Shape>> = {
  direct: 'direct',
  hub: 'hub',
  chain: 'chain',
  beside: 'hub',
  two: 'two',
  ring: 'two',
}

/** A role, drawn. */
export function drawRole(random: Random): Role {
  return random.pick(rolesDrawn)
}

/** Seeds from here on have a wider plan, and policies. */
export const policedFrom = 40_000_000

/** Those from here on have hubs with little room, and policies sometimes. */
export const slowFrom = 60_000_000

/** Draws the plan of a seed, with policies or without. */
export function policedPlanOf(random: Random, seed: number): TopicsPlan {
  let plan = topicsPlanOf(random, seed >= widerFrom)
  if (seed < policedFrom) return plan
  if (seed >= slowFrom) {
    while (plan.hubs.length === 0) plan = topicsPlanOf(random, true)
    const slowHubs = { outboxBytes: random.pick([500, 2000, 8000]), sendMs: random.pick([2, 10, 30]) }
    plan = { ...plan, slowHubs }
    if (random.chance(0.5)) return plan
  }
  const isOfWriters = random.chance(0.35)
  return isOfWriters ? writersHeld(plan, random) : readersHeld(plan, random)
}

function readersHeld(plan: TopicsPlan, random: Random): TopicsPlan {
  const publishers = plan.publishers.map((one) => ({ ...one, dials: false }))
  const hubs = plan.hubs.map((_, at) => `h${at}/below`)
  const drawn = random.pick(['all', 'all', 'hubs', 'publishers'] as const)
  // who is denied something by one of two ways is not to have it by the other
  const who = plan.hubs.length === 0 ? 'publishers' : plan.shape === 'beside' ? 'all' : drawn
  const guards = [...(who === 'hubs' ? [] : publishers.map((_, at) => `p${at}`)), ...(who === 'publishers' ? [] : hubs)]
  const policy = policyOf(plan, random, false, guards)
  return { ...plan, publishers, hubs: plan.hubs.map(kept), dialsDown: false, policy }
}

function writersHeld(plan: TopicsPlan, random: Random): TopicsPlan {
  const publishers = plan.publishers.map((one) => ({ ...one, dials: true }))
  const shape = shapesOfWriters[plan.shape]
  const { dialsDown, hubs } = plan
  const guards: string[] = []
  if (shape === 'direct') for (let at = 0; at < plan.subscribers; at++) guards.push(`s${at}`)
  else if (shape === 'two') guards.push('h0/above', 'h1/above')
  else guards.push('h0/above', ...(shape === 'chain' && dialsDown ? ['h1/above'] : []))
  const isBelow = random.chance(0.3)
  // what one of two ways denies is not to come by the other
  const drawn = shape === 'two' ? guards : guards.filter(() => random.chance(0.85))
  for (const at of isBelow ? hubs.keys() : []) {
    if (!(shape === 'chain' && dialsDown && at === 0)) drawn.push(`h${at}/below`)
  }
  const keeping = isBelow ? hubs.map(kept) : hubs
  return { ...plan, publishers, hubs: keeping, shape, connectionsEach: 1, policy: policyOf(plan, random, true, drawn) }
}

function policyOf(plan: TopicsPlan, random: Random, isOfWriters: boolean, guards: readonly string[]): PolicyPlan {
  const roles: Record<string, Role> = {}
  const isBelow = guards.some((side) => side.endsWith('below')) || !isOfWriters
  for (const at of plan.publishers.keys()) roles[`p${at}`] = isOfWriters ? drawRole(random) : 'all'
  for (let at = 0; at < plan.subscribers; at++) roles[`s${at}`] = isBelow ? drawRole(random) : 'all'
  for (const at of plan.hubs.keys()) roles[`h${at}`] = 'all'
  // there is room for the beacons of all topics
  const leastMark = (2 * plan.topics.length * plan.publishers.length * beaconBytes) / 65_536
  const highWaterMark = plan.slowHubs ? Math.max(leastMark, random.pick([0.03, 0.1, 1])) : random.pick([16, 16, 1])
  return { isOfWriters, guards, roles, highWaterMark, changing: random.pick([0, 0.2, 0.4]) }
}

/** Through a hub that keeps nothing, nobody is shown histories who follows nothing where they are. */
function kept(hub: HubPlan): HubPlan {
  return hub.keeping === 'nowhere' ? { ...hub, keeping: 'memory' } : hub
}

/** The ways of messages, and which side of each holds the other to a policy. */
export function waysOf({ shape, policy }: TopicsPlan, { edges }: Wiring): RealmWay[] {
  const guards = new Set(policy?.guards)
  const way = (from: string, to: string) => {
    const sides = [from.startsWith('h') ? `${from}/below` : from, to.startsWith('h') ? `${to}/above` : to]
    return { from, to, guard: sides.find((side) => guards.has(side)) }
  }
  const ways = edges.map(([to, from]) => way(from, to))
  return shape === 'ring' ? [...ways, way('h1', 'h0')] : ways
}
