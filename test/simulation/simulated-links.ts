/**
 * The links of a resource in a simulated process: those that it accepts, and those that it dials, driven as the set of links of
 * `src/link` drives them. Endpoints come and go.
 */
import { RivuletError } from '../../src/errors/index.js'
import type { PeerIdentity } from '../../src/security/index.js'
import { type LinkUser, type SessionStreams, SharedSession } from '../../src/session/index.js'
import {
  Accepting,
  Dialing,
  type LinkedProcess,
  type LinkOwner,
  type LinkSecurity,
  ownerOf,
  type SimulatedLinkOptions,
} from './link-ends.js'

/** The links of one resource. */
export class SimulatedLinks implements LinkOwner {
  readonly process: LinkedProcess
  readonly options: SimulatedLinkOptions
  readonly security: LinkSecurity
  readonly #users: readonly LinkUser[]
  #accepting: Accepting | undefined
  #address = ''
  readonly #dialed = new Map<string, Dialing>()
  /** Dialed links, those that are being retired included. */
  readonly #links = new Set<Dialing>()
  #sessions = 0

  /** @param security - Default: that of the keys of the world, if it has any. */
  constructor(
    process: LinkedProcess,
    options: SimulatedLinkOptions,
    users: readonly LinkUser[],
    security?: LinkSecurity,
  ) {
    this.process = process
    this.options = options
    this.#users = users
    const { keyring } = process.world
    this.security = security ?? {
      authenticator: keyring?.authenticatorOf(process.name),
      proverOf: (address) => keyring?.proverOf(process.name, ownerOf(address)),
    }
  }

  /** Dialed links, those that are being retired included. */
  get dialed(): readonly Dialing[] {
    return [...this.#links]
  }

  /** Takes connections at an address. */
  listen(address: string): void {
    this.#accepting = new Accepting(this)
    this.#address = address
    this.process.world.listeners.set(address, this.#accepting)
  }

  /** Tells the peers of accepted links that these end soon. */
  announceDrain(): void {
    this.#accepting?.announceDrain()
  }

  /** Ends the accepted links of a key, which is not admitted any more, or by another name. */
  revoke(publicKey: string, isRenamed: boolean): void {
    this.#accepting?.revoke(publicKey, isRenamed)
  }

  /** Dials the addresses that are new, and retires the links that are not wanted any more. */
  follow(addresses: readonly string[]): void {
    for (const [address, link] of this.#dialed) {
      if (addresses.includes(address)) continue
      this.#dialed.delete(address)
      this.process.note('retires')
      link.retire()
    }
    for (const address of addresses) {
      if (this.#dialed.has(address)) continue
      this.process.note('dials')
      const link = new Dialing(this, address)
      this.#dialed.set(address, link)
      this.#links.add(link)
    }
  }

  tick(): void {
    this.#accepting?.tick()
    for (const link of this.#links) link.tick()
  }

  /** Lets the users finish, as a set of links of `src/link` does when it closes, and says goodbye. */
  async finish(): Promise<void> {
    this.announceDrain()
    await Promise.all(this.#users.map((user) => user.drain?.()))
    const closed = new RivuletError('RIVULET_CLOSED', `${this.process.name} was closed`)
    await Promise.all(this.#users.map((user) => user.stopAll?.(closed)))
    this.sayGoodbye()
  }

  /** Says goodbye on all links. */
  sayGoodbye(): void {
    const closed = new RivuletError('RIVULET_CLOSED', `${this.process.name} was closed`)
    for (const link of this.#links) link.close(closed)
    this.#accepting?.close(closed)
  }

  /** Loses all links without a word. */
  drop(): void {
    const { listeners } = this.process.world
    if (this.#accepting !== undefined && listeners.get(this.#address) === this.#accepting)
      listeners.delete(this.#address)
    for (const link of this.#links) link.drop()
    this.#accepting?.drop()
    this.#links.clear()
    this.#dialed.clear()
    this.#accepting = undefined
  }

  /** Gives a session to the users. */
  accept(session: SessionStreams, dialed: string | undefined, identity?: PeerIdentity): SharedSession {
    this.#sessions += 1
    const id = dialed === undefined ? this.process.random.bytes(8).toString('hex') : `${dialed}#${this.#sessions}`
    const server = dialed === undefined ? undefined : this.process.world.keyring?.identityOf(ownerOf(dialed))
    return new SharedSession(session, this.#users, { id, identity, server, dialed })
  }

  /** A link that was retired is not used any more. */
  retired(link: Dialing): void {
    this.process.note('retired')
    this.#links.delete(link)
    link.close(new RivuletError('RIVULET_CLOSED', 'the link was retired'))
    this.process.enqueueLater(0, () => link.drop())
  }
}
