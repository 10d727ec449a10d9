/**
 * Endpoints from DNS, looked up again and again: the addresses of a name, or the services of SRV records (RFC 2782).
 *
 * Nothing is cached beyond the last list, and nothing is connected.
 */
import { lookup, resolveSrv } from 'node:dns/promises'
import { Observable, type Subscriber } from 'rxjs'
import { type Clock, systemClock, type Timer } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { ErrorReports } from '../observe/index.js'
import { defaults, instance, integer, invalidOption, resolveOptions } from '../options/index.js'
import type { Endpoint, EndpointInput } from './endpoints.js'

/** A record of a service (RFC 2782). */
export interface SrvRecord {
  /** The name of a host that has the service. */
  readonly name: string
  /** Its port there. */
  readonly port: number
  /** Hosts with a lower number come first. */
  readonly priority: number
}

/** What answers look-ups: the system, unless another is given. */
export interface DnsResolver {
  /**
   * Returns all addresses of a name: IPv4, or IPv6 without brackets.
   *
   * @param name - A name of DNS.
   * @error Whatever it fails with: `errors` of the resource reports RIVULET_DISCOVERY_FAILED, and the last list holds.
   */
  lookup(name: string): Promise<readonly string[]>
  /**
   * Returns the SRV records of a name.
   *
   * @param name - A name of DNS.
   * @error Whatever it fails with: `errors` of the resource reports RIVULET_DISCOVERY_FAILED, and the last list holds.
   */
  resolveSrv(name: string): Promise<readonly SrvRecord[]>
}

/** Options of {@link fromDns}. */
export interface FromDnsOptions {
  /**
   * The port of each address of the name, 1 to 65,535. Left out, the name has SRV records, which have their ports.
   * @defaultValue none
   */
  readonly port?: number
  /**
   * The public key of the servers, or several while it changes; all of them have it.
   * @defaultValue `serverKey` of `security`
   */
  readonly serverKey?: string | readonly string[]
  /**
   * How often the name is looked up, in milliseconds, 100 to 3,600,000; up to a fifth is added at random.
   * @defaultValue `5000`
   */
  readonly pollMs?: number
  /**
   * What answers the look-ups.
   * @defaultValue the system: its hosts file and search domains, and its DNS servers for SRV records
   */
  readonly resolver?: DnsResolver
}

/** In place of a port: SRV records have theirs. */
const srv = 0

const rules = {
  port: integer({ min: 1, max: 65_535, fallback: srv }),
  serverKey: {
    expects: 'a key or a list of keys',
    fallback: undefined,
    accepts: (value: unknown) => typeof value === 'string' || Array.isArray(value),
  },
  pollMs: integer({ min: 100, max: 3_600_000, fallback: defaults.dnsPollMs }),
  resolver: instance('an object with lookup and resolveSrv', isResolver, undefined),
}

const mostNameCharacters = 255

/** The part of the time between two look-ups that is added at random, so that many clients do not ask at the same time. */
const jitter = 0.2

/**
 * Looks up endpoints in DNS, for the option `connect`.
 *
 * Emits the endpoints when they are found, and again when they have changed; the order of an answer does not matter. With `port`,
 * they are the addresses of the name; without it, those of its SRV records with the lowest priority. A look-up that fails, takes
 * longer than 5 s or finds nothing is reported as RIVULET_DISCOVERY_FAILED in `errors` of the resource, once until one succeeds;
 * the last list holds, and the next look-up comes within a second at first.
 *
 * Lifetime: cold; each subscriber looks the name up until it unsubscribes. It never completes, never fails, and does not keep
 * the process alive.
 *
 * @param name - A name of DNS, such as that of a headless service of Kubernetes: `quotes.default.svc.cluster.local`.
 * @param options - The port, the keys of the servers, and how often to look.
 * @throws RIVULET_INVALID_OPTION
 * @example
 * ```ts compile-only
 * import { createPush, defineSchema, fromDns } from 'rivulet'
 *
 * const schema = defineSchema({ type: 'string' })
 * const workers = fromDns('workers.default.svc.cluster.local', { port: 7000 })
 * await using push = await createPush({ schema, connect: workers })
 * ```
 */
export function fromDns(name: string, options: FromDnsOptions = {}): Observable<readonly EndpointInput[]> {
  return new DnsEndpoints(name, options)
}

/** The observable of a name, with what goes wrong. */
export class DnsEndpoints extends Observable<readonly Endpoint[]> {
  readonly #reports: ErrorReports

  /** @param random - Returns a number from 0 up to 1. */
  constructor(name: string, options: FromDnsOptions = {}, clock: Clock = systemClock, random = Math.random) {
    if (typeof name !== 'string' || !/^[^\s/:[\]]+$/.test(name) || name.length > mostNameCharacters) {
      throw invalidOption('fromDns', 'the name', `a name of DNS, of at most ${mostNameCharacters} characters`, name)
    }
    const { port, serverKey, pollMs, resolver } = resolveOptions('fromDns', options, rules)
    const settings: Settings = {
      name,
      port,
      keys: serverKey === undefined ? {} : { serverKey: serverKey as string | readonly string[] },
      pollMs,
      resolver: resolver ?? systemResolver,
      clock,
      random,
    }
    super((subscriber) => {
      const poller = new Poller(settings, subscriber, (error) => this.#reports.report(error))
      void poller.look()
      return () => poller.stop()
    })
    this.#reports = new ErrorReports(() => `fromDns ${name}`, clock)
  }

  /** Failed look-ups; those that nobody observes become warnings of the process. */
  get errors(): Observable<RivuletError> {
    return this.#reports.observable
  }
}

interface Settings {
  readonly name: string
  readonly port: number
  readonly keys: Pick<Endpoint, 'serverKey'>
  readonly pollMs: number
  readonly resolver: DnsResolver
  readonly clock: Clock
  random(): number
}

/** Looks a name up for one subscriber. */
class Poller {
  readonly #settings: Settings
  readonly #subscriber: Subscriber<readonly Endpoint[]>
  readonly #report: (error: RivuletError) => void
  #timer: Timer | undefined
  #isStopped = false
  /** The last list, as a text. */
  #last: string | undefined
  /** Failures in a row. */
  #failures = 0

  constructor(settings: Settings, subscriber: Subscriber<readonly Endpoint[]>, report: (error: RivuletError) => void) {
    this.#settings = settings
    this.#subscriber = subscriber
    this.#report = report
  }

  /** Looks the name up now and then; never rejects. */
  async look(): Promise<void> {
    try {
      const addresses = await this.#within(this.#find())
      if (this.#isStopped) return
      if (addresses.length === 0) throw this.#failure('found nothing')
      this.#failures = 0
      const text = addresses.join(' ')
      if (text !== this.#last) {
        this.#last = text
        const { keys } = this.#settings
        this.#subscriber.next(Object.freeze(addresses.map((address) => Object.freeze({ address, ...keys }))))
      }
    } catch (error) {
      if (this.#isStopped) return
      this.#failures += 1
      if (this.#failures === 1) this.#report(error instanceof RivuletError ? error : this.#failure('failed', error))
    }
    if (this.#isStopped) return
    this.#timer = this.#settings.clock.setTimer(() => void this.look(), this.#waitMs())
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #waitMs(): number {
    const { pollMs, random } = this.#settings
    const again = defaults.reconnectMaxMs * 2 ** Math.min(16, this.#failures - 1)
    return (this.#failures === 0 ? pollMs : Math.min(pollMs, again)) * (1 + jitter * random())
  }

  /** The addresses to connect to, in order and each once. */
  async #find(): Promise<string[]> {
    const { name, port, resolver } = this.#settings
    const found =
      port !== srv ? await this.#addressesOf(name, port) : await this.#services(await resolver.resolveSrv(name))
    return [...new Set(found)].sort()
  }

  /** Only those with the lowest priority are used while there are any (RFC 2782). */
  async #services(records: readonly SrvRecord[]): Promise<string[]> {
    const lowest = Math.min(...records.map(({ priority }) => priority))
    const preferred = records.filter(({ priority }) => priority === lowest)
    const all = await Promise.allSettled(preferred.map(({ name, port }) => this.#addressesOf(name, port)))
    const found = all.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
    const failed = all.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined
    // a service that is about to leave may have no address any more
    if (found.length === 0 && failed !== undefined) throw failed.reason
    return found
  }

  async #addressesOf(name: string, port: number): Promise<string[]> {
    const addresses = await this.#settings.resolver.lookup(name)
    return addresses.map((address) => `tcp://${address.includes(':') ? `[${address}]` : address}:${port}`)
  }

  #within<T>(looking: Promise<T>): Promise<T> {
    const { clock } = this.#settings
    return new Promise((resolve, reject) => {
      const timer = clock.setTimer(
        () => reject(this.#failure(`took longer than ${defaults.lookUpMs} ms`)),
        defaults.lookUpMs,
      )
      looking.then(resolve, reject).finally(() => timer.cancel())
    })
  }

  #failure(what: string, cause?: unknown): RivuletError {
    const text = `fromDns: a look-up of ${this.#settings.name} ${what}; the last list holds`
    return new RivuletError('RIVULET_DISCOVERY_FAILED', text, { cause })
  }
}

const systemResolver: DnsResolver = {
  async lookup(name) {
    return (await lookup(name, { all: true })).map(({ address }) => address)
  },
  resolveSrv: (name) => resolveSrv(name),
}

function isResolver(value: unknown): value is DnsResolver {
  const { lookup, resolveSrv } = (value ?? {}) as Partial<DnsResolver>
  return typeof lookup === 'function' && typeof resolveSrv === 'function'
}
