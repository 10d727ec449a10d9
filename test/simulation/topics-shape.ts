/** Who connects to whom in a run of topics: publishers, hubs and subscribers by their names. */
import { addressOf } from './link-ends.js'
import type { TopicsPlan } from './topics-plan.js'
import type { Endpoints } from './topics-sockets.js'

/** Where both sides of a hub are. */
export interface HubWiring {
  readonly above: Endpoints
  readonly below: Endpoints
  /** How many publishers and hubs connect to it. */
  readonly accepts: number
}

/** Who connects to whom. */
export interface Wiring {
  readonly hubs: readonly HubWiring[]
  /** Where publishers connect that have no address. */
  readonly dialed: readonly string[]
  /** Where subscribers connect, and how many publishers connect to each. */
  readonly connect: readonly string[]
  readonly accepts: number
  /** Between whom there are connections, by name. */
  readonly edges: readonly (readonly [string, string])[]
}

/** What hubs may keep from subscribers. */
export interface HubReach {
  /** Whether there are hubs, which ask publishers in their own name. */
  readonly hasHubs: boolean
  /** Whether messages may come by several ways, one of which may be ahead of the answer over another. */
  readonly hasWays: boolean
  /** Whether all of them keep all that passes, and so have what publishers keep. */
  readonly isWhole: boolean
  /**
   * Whether links lead to the history of each publisher.
   *
   * Through a hub that keeps nothing, none lead to one that connects, and none to others from one that connects to nobody.
   */
  readonly isOpen: boolean
}

/** What the hubs of a plan may keep from subscribers. */
export function hubReachOf({ hubs, publishers, shape, dialsDown, connectionsEach }: TopicsPlan): HubReach {
  const isWhole = hubs.every(({ keeping, maxMessages }) => keeping !== 'nowhere' && maxMessages === endless)
  const connects = publishers.some(({ dials }) => dials) || (shape === 'chain' && dialsDown)
  const isOpen = !connects || hubs.every(({ keeping }) => keeping !== 'nowhere')
  const hasWays = hubs.length > 0 && (connectionsEach > 1 || !(shape === 'hub' || shape === 'chain'))
  return { hasHubs: hubs.length > 0, hasWays, isWhole, isOpen }
}

const endless = Number.POSITIVE_INFINITY

/** Draws up the connections of a plan. */
export function wiringOf({ publishers, subscribers, shape, hubs, dialsDown, connectionsEach }: TopicsPlan): Wiring {
  const names = { hubs: hubs.map((_, at) => `h${at}`), subscribers: nameAll('s', subscribers) }
  const isDirect = shape === 'direct' || shape === 'beside'
  const firsts = shape === 'chain' ? names.hubs.slice(0, 1) : names.hubs
  const lasts = shape === 'chain' ? names.hubs.slice(1) : names.hubs
  const bound = publishers.flatMap(({ dials }, at) => (dials ? [] : [`p${at}`]))
  const dialing = publishers.length - bound.length
  const each = (address: string) => Array.from({ length: connectionsEach }, () => address)
  const edges: [string, string][] = []
  for (const hub of firsts) for (const at of publishers.keys()) edges.push([hub, `p${at}`])
  for (const name of names.subscribers) {
    for (const hub of lasts) edges.push([name, hub])
    if (isDirect) for (const at of publishers.keys()) edges.push([name, `p${at}`])
  }
  if (shape === 'chain' || shape === 'ring') edges.push(['h1', 'h0'])
  return {
    hubs: names.hubs.map((name, at) => {
      const isFirst = firsts.includes(name)
      const isFed = shape === 'chain' && at === 1
      const accepts = (isFirst ? dialing : 0) + (isFed && dialsDown ? 1 : 0)
      const connect = isFirst ? bound.map((one) => addressOf(one)) : []
      if (shape === 'ring') connect.push(below(`h${1 - at}`))
      if (isFed && !dialsDown) connect.push(below('h0'))
      const isDialing = shape === 'chain' && at === 0 && dialsDown
      return {
        above: { bind: accepts > 0 ? above(name) : undefined, connect },
        below: isDialing ? { bind: undefined, connect: [above('h1')] } : { bind: below(name), connect: [] },
        accepts,
      }
    }),
    dialed: [...firsts.map(above), ...(isDirect ? names.subscribers.map((name) => addressOf(name)) : [])],
    connect: [
      ...(isDirect ? bound.flatMap((one) => each(addressOf(one))) : []),
      ...lasts.flatMap((hub) => each(below(hub))),
    ],
    accepts: isDirect ? dialing : 0,
    edges,
  }
}

function nameAll(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${letter}${at}`)
}

/** Where publishers connect to a hub, and subscribers. */
function above(hub: string): string {
  return `${addressOf(hub)}/above`
}

function below(hub: string): string {
  return `${addressOf(hub)}/below`
}
