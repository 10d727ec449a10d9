/**
 * Who may have and bring which topics in a simulation: the keys and roles of processes, and the guards of those sides that hold
 * peers to a policy.
 *
 * Guards are those of the package. The allow list is that of all of them; each process takes a new one in its own time, and what
 * each knew when is remembered, so that what was shown can be held against it.
 */
import { BehaviorSubject } from 'rxjs'
import type { SecurityOptions } from '../../src/security/index.js'
import { SecurityGuard } from '../../src/security/index.js'
import { z85Encode } from '../../src/security/z85.js'
import type { Authenticator } from '../../src/session/index.js'
import { ToyAuthenticator, ToyKey, ToyProver } from '../session/toy-proof.js'
import { type LinkSecurity, ownerOf } from './link-ends.js'
import { type Role, roleAllows } from './topics-roles.js'
import type { TurnProcess } from './turn-process.js'

/** How long a dialer has for its proof, in milliseconds. */
const proofMs = 10_000

/** A way of messages from one process to another, and which side holds whom to a policy there. */
export interface RealmWay {
  readonly from: string
  readonly to: string
  /** `undefined` if none does. */
  readonly guard: string | undefined
}

/** A way, and what follows from it: messages are held against ways so often that this is not made again. */
interface KnownWay extends RealmWay {
  /** Whether its guard is of the side that publishes. */
  readonly isOfPublisher: boolean
  /** Under which key it is remembered what its guard knew of the other side. */
  readonly span: string | undefined
}

/** A role that a side knew somebody by; times in milliseconds. */
interface Span {
  readonly role: Role | undefined
  until: number
}

/** A guard in the present life of its process. */
export interface RealmGuard {
  readonly guard: SecurityGuard
  readonly options: SecurityOptions
}

/** Keys, roles and guards of one run. */
export class TopicsRealm {
  readonly #guards: ReadonlySet<string>
  readonly #ways: readonly KnownWay[]
  readonly #roles: Map<string, Role | undefined>
  readonly #keys = new Map<string, ToyKey>()
  /** What each guard knows, by its side. */
  readonly #lives = new Map<string, { readonly process: TurnProcess; take(): void }>()
  readonly #spans = new Map<string, Span[]>()
  readonly #owners = new Map<string, string>()
  #nonces = 0

  /**
   * @param guards - The sides that hold peers to a policy: `p0`, `s0`, `h0/above`, `h0/below`.
   * @param roles - What each process may do, by name.
   */
  constructor(guards: readonly string[], ways: readonly RealmWay[], roles: Readonly<Record<string, Role>>) {
    this.#guards = new Set(guards)
    this.#ways = ways.map(knownWay)
    this.#roles = new Map(Object.entries(roles))
    for (const name of this.#roles.keys()) this.#keys.set(name, new ToyKey(name))
  }

  /** A publisher is this source. */
  opened(source: string, publisher: string): void {
    this.#owners.set(source, publisher)
  }

  /** Those who have a role, or had one. */
  get members(): readonly string[] {
    return [...this.#roles.keys()]
  }

  roleOf(name: string): Role | undefined {
    return this.#roles.get(name)
  }

  /** Gives somebody another role, or with `undefined` takes its key from the allow list. */
  assign(name: string, role: Role | undefined): void {
    this.#roles.set(name, role)
    for (const { process, take } of this.#lives.values()) process.enqueue(take)
  }

  /** Makes the guard of a side for a life of its process; `undefined` if it has none. */
  open(side: string, process: TurnProcess): RealmGuard | undefined {
    if (!this.#guards.has(side)) return undefined
    const lists = new BehaviorSubject(this.#list())
    const keyPair = { publicKey: textOf(this.#keyOf(process.name)), secretKey: '' }
    const policy: SecurityOptions['policy'] = ({ identity, target }) =>
      roleAllows(identity?.name.split('-')[1] as Role | undefined, target)
    const options = { keyPair, allow: lists, policy }
    const { clock } = process
    const guard = new SecurityGuard(
      { ...options, serverKeys: [] },
      { clock, resource: () => process.name, report: (error) => process.report(error) },
    )
    const { life } = process
    this.#remember(side, process.now)
    const take = () => {
      if (process.life !== life) return
      this.#remember(side, process.now)
      lists.next(this.#list())
    }
    this.#lives.set(side, { process, take })
    return { guard, options }
  }

  /** The security of links of a process, and of those that it accepts with a guard. */
  securityOf(name: string, guard: SecurityGuard | undefined): LinkSecurity {
    return {
      authenticator: guard && this.#authenticatorOf(name, guard),
      proverOf: (address) => {
        if (!this.#guards.has(sideOf(address))) return undefined
        return new ToyProver(this.#keyOf(name), [this.#keyOf(ownerOf(address))], () => this.#nonce())
      },
    }
  }

  /**
   * Whether a topic of a source may come to somebody.
   *
   * @param since - Nobody on the way may have denied it all the time since this moment.
   */
  mayHave(to: string, source: string, topic: string, since: number): boolean {
    return this.#reaches(this.#owners.get(source) ?? '', to, (way) => {
      const spans = way.span === undefined ? undefined : this.#spans.get(way.span)
      return spans === undefined || spans.some(({ role, until }) => until >= since && roleAllows(role, topic))
    })
  }

  /** Whether a topic of a source was ever denied to somebody who was admitted: nobody says which topics that were. */
  wasDenied(to: string, source: string, topic: string): boolean {
    const members = [to, this.#owners.get(source)]
    for (const [key, spans] of this.#spans) {
      if (!members.includes(key.split(' ')[1])) continue
      if (spans.some(({ role }) => role !== undefined && !roleAllows(role, topic))) return true
    }
    return false
  }

  /** Whether somebody is served a pattern of a source now, and what it brings on a topic; by what all know. */
  isServed(to: string, source: string, pattern: string, topic?: string): boolean {
    return this.#reaches(this.#owners.get(source) ?? '', to, (way) => {
      if (way.guard === undefined) return true
      const role = this.#roles.get(way.isOfPublisher ? way.to : way.from)
      if (role === undefined || (topic !== undefined && !roleAllows(role, topic))) return false
      return way.to !== to || !way.isOfPublisher || roleAllows(role, pattern)
    })
  }

  /** Whether somebody is denied a pattern by one that it asks itself. */
  isDenied(name: string, pattern: string): boolean {
    const role = this.#roles.get(name)
    if (role === undefined || roleAllows(role, pattern)) return false
    return this.#ways.some((way) => way.to === name && way.isOfPublisher)
  }

  /** Those who do not take a topic of a publisher, which comes to them first. */
  refusersOf(name: string, topic: string): readonly string[] {
    const role = this.#roles.get(name)
    if (role === undefined || roleAllows(role, topic)) return []
    const ways = this.#ways.filter((way) => way.from === name && way.guard !== undefined && !way.isOfPublisher)
    return ways.map(({ to }) => to)
  }

  #reaches(from: string, to: string, passes: (way: KnownWay) => boolean): boolean {
    const reached = new Set([from])
    for (const name of reached) {
      for (const way of this.#ways) if (way.from === name && !reached.has(way.to) && passes(way)) reached.add(way.to)
    }
    return reached.has(to)
  }

  /** Remembers what a side knows from now on. */
  #remember(side: string, now: number): void {
    for (const [name, role] of this.#roles) {
      const spans = this.#spans.get(`${side} ${name}`) ?? []
      this.#spans.set(`${side} ${name}`, spans)
      const last = spans.at(-1)
      if (last !== undefined && last.role === role) continue
      if (last !== undefined) last.until = now
      spans.push({ role, until: Number.POSITIVE_INFINITY })
    }
  }

  #list(): Record<string, string> {
    const admitted = [...this.#roles].filter(([, role]) => role !== undefined)
    return Object.fromEntries(admitted.map(([name, role]) => [`${name}-${role}`, textOf(this.#keyOf(name))]))
  }

  #authenticatorOf(name: string, guard: SecurityGuard): Authenticator {
    const toy = new ToyAuthenticator(this.#keyOf(name), [...this.#keys.values()], () => this.#nonce(), proofMs)
    return {
      publicKey: toy.publicKey,
      proofMs,
      maxSessionsPerKey: toy.maxSessionsPerKey,
      nonce: () => this.#nonce(),
      verify: (hello, challenge, proof) => {
        const shown = toy.verify(hello, challenge, proof)
        return shown === 'wrong-proof' ? shown : (guard.identityOf(z85Encode(proof.publicKey)) ?? 'unknown-key')
      },
      refused() {},
    }
  }

  #keyOf(name: string): ToyKey {
    const key = this.#keys.get(name)
    if (key === undefined) throw new RangeError(`${name} has no key`)
    return key
  }

  #nonce(): Buffer {
    const nonce = Buffer.alloc(32)
    nonce.writeUInt32LE(++this.#nonces)
    return nonce
  }
}

function knownWay({ from, to, guard }: RealmWay): KnownWay {
  const isOfPublisher = guard !== undefined && guard.split('/')[0] === from
  const span = guard === undefined ? undefined : `${guard} ${isOfPublisher ? to : from}`
  return { from, to, guard, isOfPublisher, span }
}

function textOf({ publicKey }: ToyKey): string {
  return z85Encode(publicKey)
}

/** The side that has an address of links. */
function sideOf(address: string): string {
  const side = /\/(above|below)/.exec(address)?.[1]
  return side === undefined ? ownerOf(address) : `${ownerOf(address)}/${side}`
}
