/**
 * Admits peers to the bound sockets of a runtime while the process has file descriptors to spare.
 *
 * libzmq accepts every connection. When no descriptor is left it tries again and again (tcp), which takes the time of all
 * connections, or aborts the process (ipc). No call makes it stop accepting and keep what it has accepted. But a ZAP handler
 * refuses peers at their handshake, which frees their descriptors: `zap-handler.ts`, which this one owns.
 */

import { type Clock, systemClock } from '../clock/index.js'
import { Waiters } from '../lifecycle/index.js'
import { defaults } from '../options/index.js'
import type { Runtime } from '../runtime/index.js'
import type { SecurityGuard } from '../security/index.js'
import { descriptorLimit, descriptorsInUse } from './descriptors.js'
import { bindAuthenticator, type NativeSocket } from './native.js'
import type { SecuredDomain } from './secured-domain.js'
import { type Gate, ZapHandler } from './zap-handler.js'

/**
 * The part of all descriptors that is kept for the rest of the process and for handshakes; of few descriptors more, since the
 * library accepts hundreds before this side hears of the first.
 */
const reservedPart = 1 / 4
const reservedOfFew = 256
const reservedPartOfFew = 1 / 2

/**
 * What is kept beside an ipc listener, which aborts the process when it finds no descriptor, if that is no more than the
 * part of few: what the library accepts before this side hears of the first. It waits when 2,000 events of a monitor are
 * not read, the sum of the marks of its two ends, and those of accepted connections are among them.
 */
const reservedForIpc = 2100

/** The part of what is left that may be accepted between two looks. */
const checkedPart = 1 / 4

/** Peers are admitted again when so many times the reserve is free. */
const roomyFactor = 1.25

/** What an admission needs of the system. */
export interface AdmissionPorts {
  readonly clock: Clock
  /** How many descriptors the process may have; infinite where that is not known. */
  readonly limit: number
  /** How many it has. */
  inUse(): number
  /** Makes a socket that is asked about each handshake. */
  bindAuthenticator(): NativeSocket
}

/** Admits peers, or refuses them. */
export class Admission {
  readonly #ports: AdmissionPorts
  #reserve: number
  /** So many connections may be accepted before descriptors are counted: that takes too long to do it for each. */
  #untilCheck = 0
  /** When it is reported again that peers are refused, and that no connection can be accepted. */
  #nextRefusalAt = Number.NEGATIVE_INFINITY
  #nextFailureAt = Number.NEGATIVE_INFINITY
  #isRefusing = false
  readonly #handler: ZapHandler
  readonly #onRoom = new Waiters()

  constructor(ports: AdmissionPorts) {
    this.#ports = ports
    const { limit } = ports
    this.#reserve = Math.min(limit * reservedPartOfFew, Math.max(limit * reservedPart, reservedOfFew))
    this.#handler = new ZapHandler({
      clock: ports.clock,
      isRefusing: () => this.#isRefusing,
      bindAuthenticator: () => ports.bindAuthenticator(),
      checked: () => this.#check(),
    })
  }

  /** Whether peers are refused. */
  get isRefusing(): boolean {
    return this.#isRefusing
  }

  /**
   * A connection was accepted; returns why peers are refused from now on, if that is to be reported.
   *
   * @param stop - Called first if peers are refused: what stops the listener, of one that must not run out of descriptors.
   */
  accepted(stop?: () => void): string | undefined {
    if (this.#isRefusing) stop?.()
    if (stop) this.#reserveForIpc()
    this.#untilCheck -= 1
    const { limit } = this.#ports
    if (this.#untilCheck > 0 || this.#isRefusing || limit === Number.POSITIVE_INFINITY) return undefined
    const inUse = this.#ports.inUse()
    const spare = limit - this.#reserve - inUse
    // each look covers a part of what is left, so that there are few of them
    this.#untilCheck = spare * checkedPart
    if (spare > 0) return undefined
    stop?.()
    this.#refuse()
    const now = this.#ports.clock.now()
    if (now < this.#nextRefusalAt) return undefined
    this.#nextRefusalAt = now + defaults.reportMs
    return `${Math.min(inUse, limit)} of ${limit} file descriptors are in use: new peers are refused until there are fewer`
  }

  /** No connection can be accepted; returns whether that is to be reported, since the library tries again without end. */
  failed(): boolean {
    const now = this.#ports.clock.now()
    if (now < this.#nextFailureAt) return false
    this.#nextFailureAt = now + defaults.reportMs
    this.#refuse()
    return true
  }

  /** Calls back when peers are admitted again. */
  onRoom(callback: () => void): void {
    this.#onRoom.add(callback)
  }

  /** Hands the handshakes of the sockets with a domain to a gate, or to nobody. */
  setGate(domain: string, gate: Gate | undefined): void {
    this.#handler.setGate(domain, gate)
  }

  /**
   * Hands the handshakes of a domain to a guard; must be called before a socket with that domain is bound.
   *
   * @throws RIVULET_ADMISSION_UNAVAILABLE if nobody could be asked about them.
   */
  secure(domain: string, guard: SecurityGuard, gateName?: string): SecuredDomain {
    return this.#handler.secure(domain, guard, gateName)
  }

  /** Answers no handshakes any more. */
  close(): void {
    this.#handler.close()
    this.#admit()
  }

  #admit(): void {
    this.#isRefusing = false
    this.#untilCheck = 0
    this.#onRoom.wake()
  }

  #reserveForIpc(): void {
    if (this.#reserve >= reservedForIpc || this.#ports.limit * reservedPartOfFew < reservedForIpc) return
    this.#reserve = reservedForIpc
    this.#untilCheck = 0
  }

  /** Refuses peers until there is room, if that can be known. */
  #refuse(): void {
    if (this.#isRefusing || this.#ports.limit === Number.POSITIVE_INFINITY) return
    this.#isRefusing = true
    this.#handler.answer()
  }

  #check(): void {
    if (this.#isRefusing && this.#ports.limit - this.#ports.inUse() >= roomyFactor * this.#reserve) this.#admit()
  }
}

const admissions = new WeakMap<Runtime, Admission>()

/** The admission of a runtime. */
export function admissionOf(runtime: Runtime): Admission {
  const present = admissions.get(runtime)
  if (present) return present
  const admission = new Admission({
    // descriptors and handshakes have the time of the system, whatever clock the messages have
    clock: systemClock,
    limit: descriptorLimit(),
    inUse: descriptorsInUse,
    bindAuthenticator: () => bindAuthenticator(runtime),
  })
  admissions.set(runtime, admission)
  void runtime.whenClosed.then(() => admission.close())
  return admission
}
