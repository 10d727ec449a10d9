/**
 * Refuses rings of hubs: what a hub asks of the hubs above it must not come back to it from below.
 *
 * Each request names the hubs that it has passed. A hub that finds itself among them is in a ring; one connection of the ring
 * is ended, the one by which the hub with the largest id takes its messages. Pure: it is given paths, and says what to cut.
 */
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { type HubStep, maxHubSteps } from './hub-wire.js'

/** A path that came again within this time goes no further, in milliseconds. */
const againMs = 1000

/** Paths and rings that are remembered. */
const maxPaths = 1024

/** What it needs of its hub. */
export interface HubLoopPorts {
  readonly clock: Pick<Clock, 'now'>
  /** Sends a request up that has passed these hubs, and this one. */
  pass(path: readonly HubStep[]): void
  /** Ends the connection to the publishers' side by its number; returns where it led. */
  cutAbove(link: number): string
  /** Ends the connections that this side makes to subscribers; returns where they led. */
  cutBelow(): string
  report(error: RivuletError): void
}

/** Finds rings of which one hub is a part. */
export class HubLoops {
  readonly #id: Buffer
  readonly #ports: HubLoopPorts
  /** When each path was last passed on. */
  readonly #passed = new Map<string, number>()
  readonly #rings = new Set<string>()

  constructor(id: Buffer, ports: HubLoopPorts) {
    this.#id = id
    this.#ports = ports
  }

  /** There is another link above: what was asked before has not gone over it. */
  linked(): void {
    this.#passed.clear()
  }

  /** A request has come from below that has passed these hubs. */
  take(path: readonly HubStep[]): void {
    const own = path.map(({ hub }, at) => (hub.equals(this.#id) ? at : -1)).filter((at) => at >= 0)
    const last = own.at(-1)
    if (last !== undefined) this.#refuse(path.slice(last))
    // it goes round a second time, so that all hubs of the ring learn of it
    if (own.length < 2 && path.length < maxHubSteps && this.#isDue(path)) this.#ports.pass(path)
  }

  #isDue(path: readonly HubStep[]): boolean {
    const key = path.map(({ hub, link }) => `${hub.toString('latin1')}${link}`).join('/')
    const now = this.#ports.clock.now()
    const before = this.#passed.get(key)
    if (before !== undefined && now - before < againMs) return false
    this.#passed.delete(key)
    if (this.#passed.size >= maxPaths) this.#passed.delete(this.#passed.keys().next().value as string)
    this.#passed.set(key, now)
    return true
  }

  /** @param ring - From this hub on, each with the number of the link by which it asks the next. */
  #refuse(ring: readonly HubStep[]): void {
    const at = ring.reduce((best, { hub }, i) => (hub.compare((ring[best] as HubStep).hub) > 0 ? i : best), 0)
    const { link } = ring[at] as HubStep
    let cut: string | undefined
    if (link > 0 && at === 0) cut = this.#ports.cutAbove(link)
    // the one that it takes its messages from has connected
    else if (link === 0 && (at + 1) % ring.length === 0) cut = this.#ports.cutBelow()
    const key = ring
      .map(({ hub }) => hub.toString('hex'))
      .sort()
      .join()
    if (this.#rings.has(key)) return
    if (this.#rings.size >= maxPaths) this.#rings.clear()
    this.#rings.add(key)
    const what = ring.length === 1 ? 'the hub is connected to itself' : `${ring.length} hubs are connected in a ring`
    const done =
      cut === undefined ? 'another hub of the ring ends its connection' : `the connection to ${cut} was ended`
    this.#ports.report(new RivuletError('RIVULET_HUB_LOOP', `${what}: ${done}`))
  }
}
