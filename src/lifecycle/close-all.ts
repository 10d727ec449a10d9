/**
 * Closing many resources: those that use others of them first, and the rest side by side.
 *
 * The resources know which others they use, and what closing means.
 */
import { defaults } from '../options/index.js'
import type { Closable, CloseOptions, CloseResult } from './life-cycle.js'

/** How a resource takes its place among others that close with it. */
export interface ClosingOrder {
  /** Whether it sends to another one or calls it, so that it closes first; of two that use each other, either does. */
  uses(other: Closable): boolean
  /**
   * Told before its users close; returns what waits, when they have closed, until their last messages have arrived.
   *
   * That takes no longer than the given milliseconds.
   */
  whenUsersClosed(users: readonly Closable[]): (timeoutMs: number) => Promise<void>
}

/** Where a resource keeps its `ClosingOrder`. */
export const closingOrder = Symbol.for('rivulet.closing-order')

/** A resource that may have a place. */
type Ordered = Closable & { readonly [closingOrder]?: ClosingOrder }

/** Those that wait for a resource, the nearest first. */
type Before = { readonly resource: Ordered; readonly before: Before } | undefined

function waits(resource: Ordered, before: Before): boolean {
  for (let one = before; one !== undefined; one = one.before) if (one.resource === resource) return true
  return false
}

/**
 * Closes many resources, for example when the process receives SIGTERM: users of a resource first, the rest in parallel.
 *
 * A producer, a consumer, a client, a push and a publisher close before the host, the server, the pull or the
 * subscriber among the resources that they are connected to. The order of the list does not matter. All together take
 * no longer than `timeoutMs`, and a goodbye to silent peers. Never rejects.
 *
 * @param resources - What is closed, each once.
 * @param options - Whether they drain, and for how long, all together.
 * @returns What was undelivered, all resources together.
 */
export async function closeAll(resources: Iterable<Closable>, options: CloseOptions = {}): Promise<CloseResult> {
  const all: Ordered[] = [...new Set(resources)]
  const { drain = defaults.drain, timeoutMs = defaults.closeTimeoutMs } = options
  const deadline = performance.now() + timeoutMs
  const left = () => Math.max(0, deadline - performance.now())
  const closings = new Map<Ordered, Promise<CloseResult>>()

  async function closeAfter(resource: Ordered, users: readonly Ordered[], before: Before): Promise<CloseResult> {
    const whenArrived = resource[closingOrder]?.whenUsersClosed(users)
    const all = { resource, before }
    await Promise.all(users.map((user) => closing(user, all)))
    if (drain) await whenArrived?.(left())
    return resource.close({ ...options, timeoutMs: left() })
  }

  /** `before` are those that wait for this one: two that use each other do not wait for each other. */
  function closing(resource: Ordered, before: Before): Promise<CloseResult> {
    let result = closings.get(resource)
    if (result === undefined) {
      const isUser = (other: Ordered) => other !== resource && !waits(other, before)
      const users = all.filter((other) => isUser(other) && other[closingOrder]?.uses(resource))
      result = users.length === 0 ? resource.close(options) : closeAfter(resource, users, before)
      closings.set(resource, result)
    }
    return result
  }

  const results = await Promise.all(all.map((resource) => closing(resource, undefined)))
  return { undelivered: results.reduce((sum, { undelivered }) => sum + undelivered, 0) }
}
