/**
 * The connecting side of one socket: connects its endpoints, gives connections up, and connects again where libzmq does not.
 *
 * It counts no links; its socket does, and tells it the events.
 */
import type { Clock } from '../clock/index.js'
import { errnoOf, type RivuletError } from '../errors/index.js'
import { mechanismAt } from '../net/index.js'
import type { KeyPair } from '../security/index.js'
import { connectWithCurve } from './curve.js'
import type { EndpointLinks } from './endpoint-links.js'
import type { NativeSocket } from './native.js'
import { Refusals, type Verdict } from './refusals.js'
import { translate } from './translate.js'
import { uninterrupted } from './try-again.js'
import { Watchdog } from './watchdog.js'

/** What the connecting side needs of its socket. */
export interface ConnectorPorts {
  readonly clock: Clock
  readonly native: NativeSocket
  readonly keyPair: KeyPair | undefined
  /** Names the socket in messages. */
  name(): string
  report(error: RivuletError): void
}

/** An endpoint, once its links are counted. */
interface Place {
  readonly refusals: Refusals
  links: EndpointLinks | undefined
  /** Whether its connection was given up: late events of it are wrong. */
  isRenewed: boolean
}

/** Disconnected addresses that are remembered. */
const mostFormer = 1024

/** Connects the endpoints of one socket. */
export class Connector {
  readonly #ports: ConnectorPorts
  readonly #places = new Map<string, Place>()
  readonly #watchdog: Watchdog
  /** Addresses that were disconnected: their last events may still come. */
  readonly former = new Set<string>()
  #isClosed = false

  constructor(ports: ConnectorPorts) {
    this.#ports = ports
    this.#watchdog = new Watchdog(ports.clock, (address) => this.renew(address))
  }

  /** The key that the server at an endpoint must have; `undefined` without security. */
  serverKey(address: string): string | undefined {
    return this.#places.get(address)?.refusals.serverKey
  }

  /** Takes an endpoint, which is connected later. */
  add(address: string, serverKeys: readonly string[]): void {
    const place = this.#newPlace(address, serverKeys)
    // of an earlier connection to the same address, events may still come
    place.isRenewed = true
    this.former.delete(address)
    this.#places.set(address, place)
  }

  /** Ends the connection of an endpoint for good. */
  remove(address: string): void {
    this.#places.get(address)?.refusals.close()
    this.#places.delete(address)
    this.#watchdog.forget(address)
    this.disconnect(address)
    this.former.add(address)
    for (const oldest of this.former) if (this.former.size > mostFormer) this.former.delete(oldest)
  }

  /** Has the links of an endpoint told what happens to them. */
  attach(links: EndpointLinks): void {
    const place = this.#places.get(links.endpoint)
    if (place) place.links = links
  }

  /** Connects; throws an error of Rivulet. */
  connect(address: string): void {
    const { native, keyPair, name } = this.#ports
    try {
      const serverKey = this.serverKey(address)
      if (keyPair !== undefined && serverKey !== undefined) connectWithCurve(native, keyPair, serverKey)
      uninterrupted(() => native.connect(address))
    } catch (error) {
      throw translate(`${name()}: cannot connect ${address}`, error)
    }
  }

  /** Connects where no caller waits for the outcome. */
  connectAgain(address: string): void {
    if (this.#isClosed) return
    try {
      this.connect(address)
    } catch (error) {
      this.#ports.report(error as RivuletError)
    }
  }

  /** Gives up the connection and the tries to make one. */
  disconnect(address: string): void {
    try {
      uninterrupted(() => this.#ports.native.disconnect(address))
    } catch (error) {
      // there may be nothing left to disconnect, or to unbind
      if (errnoOf(error) !== 'ENOENT') {
        this.#ports.report(translate(`${this.#ports.name()}: cannot disconnect ${address}`, error))
      }
    }
  }

  /** Gives up the connection and makes another, unless the server has just refused one. */
  renew(address: string): void {
    const place = this.#places.get(address)
    if (place === undefined || this.#isClosed || place.refusals.isParked) return
    this.#giveUp(address, place)
    this.connectAgain(address)
  }

  /** Takes an event of an endpoint; returns what it counts for. */
  event(type: string, { endpoint }: EndpointLinks, error: Error | undefined): Verdict {
    const place = this.#places.get(endpoint)
    if (place === undefined) return 'count'
    if (place.refusals.isParked) return 'drop'
    if (type.startsWith('connect')) place.isRenewed = false
    if (place.isRenewed) return 'drop'
    this.#watchdog.event(type, endpoint)
    return place.refusals.event(type, error)
  }

  /** Connects no more. */
  close(): void {
    this.#isClosed = true
    this.#watchdog.close()
    for (const { refusals } of this.#places.values()) refusals.close()
  }

  #giveUp(address: string, place: Place): void {
    this.disconnect(address)
    this.#watchdog.forget(address)
    place.isRenewed = true
    // a connection that was given up has no event
    place.links?.clear()
  }

  #newPlace(address: string, serverKeys: readonly string[]): Place {
    const place: Place = {
      links: undefined,
      isRenewed: false,
      refusals: new Refusals(serverKeys, {
        clock: this.#ports.clock,
        endpoint: address,
        giveUp: () => this.#giveUp(address, place),
        connect: () => this.connectAgain(address),
        mechanism: () => mechanismAt(address),
        refused: (cause) => place.links?.refuse(cause),
      }),
    }
    return place
  }
}
