/**
 * Holds the handshakes of new peers of one bound socket, and admits a few at a time: while peers that are there take too much.
 *
 * One connection cannot be ended, one call of a publisher's library takes in whatever the connections hold, and what peers that
 * have left had sent is still read, a frame of each in turn. Peers that come one by one bring little at a time, however many
 * wait. The owner decides what is too much, malformed frames and new schemas aside.
 */

import { type Clock, systemClock, type Timer } from '../clock/index.js'
import { turnBudget, Waiters } from '../lifecycle/index.js'
import { defaults } from '../options/index.js'
import type { Runtime } from '../runtime/index.js'
import { admissionOf } from './admission.js'
import { boundZapDomain } from './native.js'
import type { Gate } from './zap-handler.js'

/** Peers that are admitted at once in the first step, and while there is pressure; each further step doubles it. */
const fewest = 1
const most = 1024

/** How often peers are admitted, after how long without pressure and waiting peers all are, and how many malformed frames are too many. */
const { admissionMs: stepMs, admissionCalmMs: calmMs, floodFrames } = defaults

/** The time in which those malformed frames are counted, in milliseconds. */
const floodMs = 1000

/** A schema that was not known costs as much as so many of them: it is parsed, and compared with those of readers. */
const schemaFrames = 20

/** The same in pieces of work of a turn: few schemas are all that a turn has time for. */
const schemaPieces = 16

/** A handshake that has waited for so long is given up: the peer is about to end it, in milliseconds. */
const lateMs = 0.75 * defaults.handshakeMs

/** What a gate needs. */
export interface GatePorts {
  readonly clock: Clock
  /** Whether peers that are there take too much. */
  isPressed(): boolean
  /** Hands all handshakes over, or none. */
  setGate(name: string, gate: Gate | undefined): void
}

interface Waiting {
  readonly since: number
  readonly admit: () => void
}

let gates = 0

/** The gate of one resource; its sockets, one after the other, have its name. */
export class HandshakeGate {
  /** The ZAP domain of its sockets. */
  readonly name = `${boundZapDomain}.${gates++}`
  readonly #ports: GatePorts
  readonly #waiting: Waiting[] = []
  #batch = fewest
  #calmSince = 0
  #flood = 0
  #floodSince = Number.NEGATIVE_INFINITY
  #floodedAt = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined
  readonly #onNoneWaiting = new Waiters()

  constructor(ports: GatePorts) {
    this.#ports = ports
  }

  /** Counts a malformed frame; too many of them are pressure. */
  malformed(): void {
    this.#count(1)
  }

  /** Counts a writer's schema that was not known; too many of them are pressure. */
  newSchema(): void {
    turnBudget.spend(schemaPieces)
    this.#count(schemaFrames)
  }

  /** Whether handshakes are held. */
  get isNarrow(): boolean {
    return this.#timer !== undefined
  }

  /** Holds handshakes from now on, until there is no pressure. */
  narrow(): void {
    this.#batch = fewest
    this.#calmSince = this.#ports.clock.now()
    if (this.#timer !== undefined) return
    this.#ports.setGate(this.name, (admit) => {
      this.#waiting.push({ since: this.#ports.clock.now(), admit })
    })
    this.#stepLater()
  }

  /** Resolves when nobody waits after the next step. */
  whenNoneWait(): Promise<void> {
    return new Promise((resolve) => {
      if (this.isNarrow) this.#onNoneWaiting.add(resolve)
      else resolve()
    })
  }

  /** Admits all. */
  open(): void {
    if (this.#timer === undefined) return
    this.#timer.cancel()
    this.#timer = undefined
    this.#ports.setGate(this.name, undefined)
    this.#admit(this.#waiting.length)
    this.#onNoneWaiting.wake()
  }

  /** The gate of a resource of a runtime. */
  static of(runtime: Runtime, isPressed = () => false): HandshakeGate {
    const setGate = (name: string, gate: Gate | undefined) => admissionOf(runtime).setGate(name, gate)
    // handshakes have the time of the system, whatever clock the messages have
    return new HandshakeGate({ clock: systemClock, isPressed, setGate })
  }

  #count(frames: number): void {
    this.#flood += frames
    if (this.#flood < floodFrames) return
    const now = this.#ports.clock.now()
    if (now - this.#floodSince < floodMs) {
      this.#floodedAt = now
      this.narrow()
    }
    this.#flood = 0
    this.#floodSince = now
  }

  #stepLater(): void {
    this.#timer = this.#ports.clock.setTimer(() => this.#step(), stepMs)
  }

  #step(): void {
    const now = this.#ports.clock.now()
    const isPressed = this.#ports.isPressed() || now - this.#floodedAt < stepMs
    while (now - (this.#waiting[0]?.since ?? now) >= lateMs) this.#waiting.shift()
    if (isPressed) this.#batch = fewest
    if (isPressed || this.#waiting.length > 0) this.#calmSince = now
    this.#admit(this.#batch)
    this.#batch = Math.min(most, 2 * this.#batch)
    if (now - this.#calmSince >= calmMs) {
      this.open()
      return
    }
    if (this.#waiting.length === 0) this.#onNoneWaiting.wake()
    this.#stepLater()
  }

  #admit(count: number): void {
    for (const { admit } of this.#waiting.splice(0, count)) admit()
  }
}
