/**
 * The membership of a socket in a multicast group: joined on each chosen interface, and again when interfaces come back.
 *
 * The system notifies Node of no change of the network, so the list of interfaces is looked at four times a second. Each look joins
 * again: the system refuses what has joined already, and takes what an interface has lost meanwhile, also if it looks the same.
 */
import type { Clock, Timer } from '../clock/index.js'
import { errnoOf, RivuletError } from '../errors/index.js'
import type { IpFamily } from './udp-endpoint.js'

/** How often the interfaces are looked at, in milliseconds. */
export const interfaceWatchMs = 250

/** What is known of one address of an interface; as `os.networkInterfaces` gives it. */
export interface InterfaceAddress {
  readonly address: string
  readonly family: string
  readonly internal: boolean
  readonly scopeid?: number | undefined
}

/** The interfaces that are up, with their addresses. */
export type Interfaces = Readonly<Record<string, readonly InterfaceAddress[] | undefined>>

/** What a membership needs. */
export interface MulticastGroupPorts {
  readonly clock: Pick<Clock, 'setTimer'>
  interfaces(): Interfaces
  /** Joins and leaves the group on an interface; each throws what the system says. */
  join(scope: string): void
  leave(scope: string): void
  /** The group has joined on an interface, at first or again. */
  joined(name: string): void
  /** The first of the chosen interfaces that has joined is another one, or has joined again. */
  first(scope: string): void
  /** An interface has gone, or lost the group. */
  left(name: string, error: RivuletError): void
  /** An interface that was asked for by its name cannot join. */
  failed(error: RivuletError): void
}

/** How the system names an interface, and where it stands among the chosen ones. */
interface Chosen {
  readonly name: string
  readonly scope: string
  /** What it may be called in a list of the user: its name and its addresses. */
  readonly calls: readonly string[]
}

/** The membership of one socket. */
export class MulticastGroup {
  readonly #group: string
  readonly #family: IpFamily
  readonly #wanted: readonly string[]
  readonly #ports: MulticastGroupPorts
  /** The scope by which each interface has joined, by its name. */
  readonly #joined = new Map<string, string>()
  /** What was reported as not joined and has not joined since. */
  readonly #reported = new Set<string>()
  #first: string | undefined
  #timer: Timer | undefined
  readonly #look = () => {
    this.#follow()
    this.#timer = this.#ports.clock.setTimer(this.#look, interfaceWatchMs)
  }

  /**
   * @param wanted - Names or addresses of interfaces; none for every one that can join.
   */
  constructor(group: string, family: IpFamily, wanted: readonly string[], ports: MulticastGroupPorts) {
    this.#group = group
    this.#family = family
    this.#wanted = wanted
    this.#ports = ports
  }

  /** An interface that has joined, by which other machines can be reached if there is one. */
  get outwardScope(): string | undefined {
    const interfaces = this.#ports.interfaces()
    const isInternal = (name: string) => interfaces[name]?.some(({ internal }) => internal) ?? false
    const all = [...this.#joined].sort(([one], [other]) => Number(isInternal(one)) - Number(isInternal(other)))
    return all[0]?.[1]
  }

  /** Joins now, and watches from now on. */
  start(): void {
    this.#look()
  }

  /** Stops watching. The system leaves when the socket is closed. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #follow(): void {
    const chosen = this.#choose(this.#ports.interfaces())
    for (const name of this.#joined.keys()) if (!chosen.some((one) => one.name === name)) this.#lose(name)
    for (const { name, scope } of chosen) this.#join(name, scope)
    const first = chosen.find(({ name }) => this.#joined.has(name))
    if (first !== undefined && first.name !== this.#first) this.#ports.first(first.scope)
    this.#first = first?.name
    for (const name of this.#wanted) {
      if (!chosen.some(({ calls }) => calls.includes(name))) this.#fail(name, new Error('it is not there'))
    }
  }

  #join(name: string, scope: string): void {
    const known = this.#joined.get(name)
    try {
      this.#ports.join(scope)
    } catch (cause) {
      if (errnoOf(cause) !== 'EADDRINUSE') {
        if (known === undefined && this.#wanted.length > 0) this.#fail(name, cause as Error)
        return // of all interfaces, some cannot
      }
      if (known !== undefined) return
    }
    // it has lost the group and has it again: its peers may not have known for a while
    if (known !== undefined) this.#ports.left(name, this.#error(name, 'lost the group'))
    this.#joined.set(name, scope)
    this.#reported.delete(name)
    if (this.#first === name) this.#first = undefined
    this.#ports.joined(name)
  }

  #lose(name: string): void {
    try {
      this.#ports.leave(this.#joined.get(name) as string)
    } catch {
      // it went with its interface
    }
    this.#joined.delete(name)
    this.#reported.add(name)
    this.#ports.left(name, this.#error(name, 'has gone'))
  }

  #fail(name: string, cause: Error): void {
    if (this.#reported.has(name)) return
    this.#reported.add(name)
    this.#ports.failed(this.#error(name, `cannot join: ${cause.message}`, cause))
  }

  #error(name: string, what: string, cause?: Error): RivuletError {
    const text = `the interface ${name} of the group ${this.#group} ${what}; it joins when it can`
    return new RivuletError('RIVULET_NOT_JOINED', text, { cause })
  }

  /** One address for each interface: a second one would be refused, since membership belongs to the interface. */
  #choose(interfaces: Interfaces): Chosen[] {
    const wanted = this.#wanted
    const all: Chosen[] = []
    for (const [name, addresses = []] of Object.entries(interfaces)) {
      const suited = addresses.filter(({ family }) => family === `IPv${this.#family}`)
      const named = suited.find(({ address }) => wanted.includes(address)) ?? suited[0]
      if (named === undefined) continue
      const calls = [name, ...suited.map(({ address }) => address)]
      if (wanted.length > 0 && !wanted.some((one) => calls.includes(one))) continue
      all.push({ name, scope: this.#family === 4 ? named.address : scopeOf(name, suited), calls })
    }
    const place = ({ calls }: Chosen) => wanted.findIndex((one) => calls.includes(one))
    return all.sort((a, b) => place(a) - place(b))
  }
}

/** RFC 4007 §11: the zone is a name on Unix, and a number on Windows. */
function scopeOf(name: string, addresses: readonly InterfaceAddress[]): string {
  const zone = process.platform === 'win32' ? addresses.find(({ scopeid }) => scopeid)?.scopeid : name
  return `::%${zone}`
}
