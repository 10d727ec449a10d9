/**
 * Where a node dials: the endpoints that its user gives, and those of the peers that a directory lists, apart from the ones that
 * are not needed.
 *
 * It opens nothing: links follow its lists.
 */
import { BehaviorSubject, isObservable, merge, NEVER, type Observable, ReplaySubject, Subscription } from 'rxjs'
import type { Endpoint, PeerRecord } from '../../src/discovery/index.js'
import { OncePerTurn } from '../../src/lifecycle/index.js'
import type { ConnectOption } from '../../src/socket/index.js'

/** What dialing needs of its node. */
export interface DialingPorts {
  /** Where the node is bound itself. */
  own(): readonly string[]
  /** An endpoint is dialed, or a list is waited for; and it is not dialed any more, or the list is known. */
  opening(what: string): void
  opened(what: string): void
  /** Whether the link to an address has a connection: then it stays, also when a directory does not list it any more. */
  isLive(address: string): boolean
}

/** What stands for a list that is waited for: no address looks like it. */
const userList = 'connect'
const directoryList = 'directory'

/** The endpoints of one node. */
export class Dialing {
  /** What is dialed now, then each change. */
  readonly lists: Observable<readonly unknown[]>
  readonly #ports: DialingPorts
  readonly #lists: BehaviorSubject<readonly unknown[]>
  /** Why the observable of the user has failed: it keeps its last list. */
  readonly #failures = new ReplaySubject<unknown>(1)
  readonly #subscription = new Subscription()
  /** What is removed and added again in one turn stays as it is. */
  readonly #changes = new OncePerTurn(() => this.#lists.next(this.#list))
  #list: readonly unknown[] = []
  #given: readonly unknown[] = []
  #found: readonly Endpoint[] = []
  /** Endpoints that the directory has listed, and whose links live. */
  #kept: readonly Endpoint[] = []
  #surplus: ReadonlySet<string> = new Set()
  #dialed: ReadonlySet<string> = new Set()

  constructor(connect: ConnectOption, ports: DialingPorts) {
    this.#ports = ports
    if (isList(connect)) this.#given = connect
    else ports.opening(userList)
    this.#lists = new BehaviorSubject<readonly unknown[]>([])
    this.lists = isList(connect) ? this.#lists : withErrorsOf(connect, this.#lists, this.#failures)
    this.#update()
    if (isList(connect)) return
    const next = (list: unknown) => {
      try {
        this.#given = Array.isArray(list) ? [...list] : [list]
      } catch (cause) {
        this.#failures.next(cause)
        return
      }
      this.#update()
      ports.opened(userList)
    }
    this.#subscription.add(connect.subscribe({ next, error: (error: unknown) => this.#failures.next(error) }))
  }

  /** Follows the peers of a directory. */
  follow(peers: Observable<readonly PeerRecord[]>): void {
    this.#ports.opening(directoryList)
    const next = (records: readonly PeerRecord[]) => {
      const former = [...this.#found, ...this.#kept]
      this.#found = records.flatMap(({ endpoints }) => endpoints)
      const listed = new Set(this.#found.map(({ address }) => address))
      this.#kept = former.filter(({ address }) => !listed.has(address))
      this.#update()
      this.#ports.opened(directoryList)
    }
    this.#subscription.add(peers.subscribe({ next, error: () => {} })) // it reports its failures itself
  }

  /** A link has or has not a connection any more. */
  changed(): void {
    if (this.#kept.length > 0) this.#update()
  }

  /** Dials these addresses no more, and those again that were among them. */
  leaveOut(surplus: ReadonlySet<string>): void {
    if (surplus.size === this.#surplus.size && [...surplus].every((address) => this.#surplus.has(address))) return
    this.#surplus = surplus
    this.#update()
  }

  stop(): void {
    this.#subscription.unsubscribe()
    this.#lists.complete()
  }

  #update(): void {
    const own = new Set(this.#ports.own())
    const given = this.#given.filter((input) => !this.#surplus.has(addressOf(input)))
    const known = new Set(this.#given.map(addressOf))
    this.#kept = this.#kept.filter(({ address }) => this.#ports.isLive(address))
    const found = [...this.#found, ...this.#kept].filter(
      ({ address }) => !known.has(address) && !own.has(address) && !this.#surplus.has(address),
    )
    const list = [...given, ...found]
    const dialed = new Set(list.map(addressOf))
    for (const address of dialed) if (!this.#dialed.has(address)) this.#ports.opening(address)
    for (const address of this.#dialed) if (!dialed.has(address)) this.#ports.opened(address)
    this.#dialed = dialed
    this.#list = list
    if (this.#lists.observed) this.#changes.schedule()
    else this.#lists.next(list)
  }
}

function isList(connect: ConnectOption): connect is readonly Endpoint[] {
  return Array.isArray(connect)
}

/** The address of an endpoint as a user gives it; of anything else, which is reported where it is used, no address. */
function addressOf(input: unknown): string {
  if (typeof input === 'string') return input
  try {
    return String((input as Partial<Endpoint> | null | undefined)?.address ?? '')
  } catch {
    return ''
  }
}

/** Lists that come in place of those of another observable, whose failures are reported beside them. */
function withErrorsOf(
  source: object,
  lists: Observable<readonly unknown[]>,
  failures: Observable<unknown>,
): Observable<readonly unknown[]> {
  const { errors } = source as { readonly errors?: unknown }
  return Object.assign(lists, { errors: merge(failures, isObservable(errors) ? errors : NEVER) })
}
