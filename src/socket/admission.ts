/**
 * Admits peers to the bound sockets of a runtime while the process has file descriptors to spare.
 *
 * libzmq accepts every connection. When no descriptor is left it tries again and again (tcp), which takes the time of all
 * connections, or aborts the process (ipc). No call makes it stop accepting and keep what it has accepted. But a ZAP handler
 * (RFC 27/ZAP) refuses peers at their handshake, which frees their descriptors. It is bound only while few descriptors are
 * left, or a gate holds the handshakes of a socket (`handshake-gate.ts`): otherwise each would wait for the event loop.
 */

import { type Clock, systemClock, type Timer } from '../clock/index.js'
import { Waiters } from '../lifecycle/index.js'
import { defaults } from '../options/index.js'
import type { Runtime } from '../runtime/index.js'
import { descriptorLimit, descriptorsInUse } from './descriptors.js'
import { bindAuthenticator, boundZapDomain, type NativeSocket } from './native.js'
import { ReadLoop } from './read-loop.js'

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

/** Peers are admitted again when so many times the reserve is free, which is looked at so often, in milliseconds. */
const roomyFactor = 1.25
const checkMs = 250

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

/** Takes a handshake of a peer; `admit` lets it continue, at any time before it is late. */
export type Gate = (admit: () => void) => void

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
  #authenticator: NativeSocket | undefined
  #timer: Timer | undefined
  readonly #onRoom = new Waiters()
  /** What takes the handshakes of a socket, by its domain. */
  readonly #gates = new Map<string, Gate>()

  constructor(ports: AdmissionPorts) {
    this.#ports = ports
    const { limit } = ports
    this.#reserve = Math.min(limit * reservedPartOfFew, Math.max(limit * reservedPart, reservedOfFew))
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
    if (gate === undefined) {
      this.#gates.delete(domain)
      return
    }
    this.#gates.set(domain, gate)
    this.#authenticate()
    this.#checkLater()
  }

  /** Admits peers from now on. */
  close(): void {
    this.#gates.clear()
    this.#timer?.cancel()
    this.#timer = undefined
    this.#authenticator?.close()
    this.#authenticator = undefined
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
    this.#authenticate()
    this.#checkLater()
  }

  /** Answers handshakes. Without a socket for that, peers are admitted until there is one. */
  #authenticate(): void {
    if (this.#authenticator !== undefined) return
    let authenticator: NativeSocket
    try {
      authenticator = this.#ports.bindAuthenticator()
    } catch {
      return
    }
    this.#authenticator = authenticator
    const loop = new ReadLoop(authenticator, this.#ports.clock, {
      message: (parts) => this.#answer(authenticator, parts),
      failed: () => {
        if (this.#authenticator === authenticator) this.#authenticator = undefined
        authenticator.close()
      },
    })
    loop.referenced = false
    loop.wanted = true
  }

  #answer(authenticator: NativeSocket, parts: readonly Buffer[]): void {
    const domain = (parts[4] ?? none).toString('latin1')
    const reply = (isRefused: boolean) => {
      if (!authenticator.closed) void authenticator.send(answerTo(parts, isRefused)).catch(() => {})
    }
    // peers of bound sockets are refused, those that this side connects to are not
    const isRefused = this.#isRefusing && domain.startsWith(boundZapDomain)
    const gate = isRefused ? undefined : this.#gates.get(domain)
    if (gate) gate(() => reply(false))
    else reply(isRefused)
  }

  #checkLater(): void {
    this.#timer ??= this.#ports.clock.setTimer(() => this.#check(), checkMs)
  }

  #check(): void {
    this.#timer = undefined
    if (this.#isRefusing && this.#ports.limit - this.#ports.inUse() >= roomyFactor * this.#reserve) this.#admit()
    if (this.#isRefusing || this.#gates.size > 0) {
      this.#authenticate()
      this.#checkLater()
      return
    }
    this.#authenticator?.close()
    this.#authenticator = undefined
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

const none = Buffer.alloc(0)
const version = Buffer.from('1.0')

/** The answer to a request of ZAP. */
function answerTo([peer = none, , , request = none]: readonly Buffer[], isRefused: boolean): Buffer[] {
  const [status, text] = isRefused ? ['400', 'too few file descriptors'] : ['200', '']
  return [peer, none, version, request, Buffer.from(status), Buffer.from(text), none, none]
}
