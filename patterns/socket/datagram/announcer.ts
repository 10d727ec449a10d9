/**
 * Announces the schema of one source in datagrams of their own: before its first message, then while it sends, and on request.
 *
 * Announcements go where the messages go, and nowhere else: a request that was forged leads to no datagram for anybody who gets
 * none without it. They also say which number the next message has, so that the loss of the last ones is noticed.
 */
import type { Clock, Timer } from '../../../src/clock/index.js'
import { defaults } from '../../../src/options/index.js'
import { frameKind, preludeBytes, writeRecordFrame } from '../../../src/wire/index.js'
import { DatagramSchema } from './schemas.js'

/** How long a source is not announced again on request, in milliseconds. */
const answerMs = 200

/** What an announcement takes beside the piece of the text: constants, five numbers of at most 8 bytes, and extensions. */
const besideText = preludeBytes + 24 + 4 * 8 + 1

/** What an announcer needs. */
export interface AnnouncerPorts {
  readonly clock: Clock
  /** The number of the next message. */
  next(): number
  /** Sends a datagram to where the messages go. */
  send(bytes: Buffer): void
}

/** Announces one source. */
export class Announcer {
  readonly #constants: Buffer
  readonly #pieces: readonly { readonly offset: number; readonly text: Buffer }[]
  readonly #size: number
  readonly #ports: AnnouncerPorts
  #announcedAt = Number.NEGATIVE_INFINITY
  /** The number of the next message when it was announced last. */
  #announcedNext = 0
  #timer: Timer | undefined

  constructor(constants: Buffer, text: string, maxPayloadBytes: number, ports: AnnouncerPorts) {
    this.#constants = constants
    this.#ports = ports
    const bytes = Buffer.from(text)
    this.#size = bytes.length
    const room = maxPayloadBytes - besideText
    const pieces: { offset: number; text: Buffer }[] = []
    for (let offset = 0; offset < bytes.length; offset += room) {
      pieces.push({ offset, text: bytes.subarray(offset, offset + room) })
    }
    this.#pieces = pieces
  }

  /** A datagram with messages is about to leave. */
  leaving(): void {
    if (this.#timer !== undefined) return
    if (this.#announcedNext === 0) this.#announce()
    this.#timer = this.#ports.clock.setTimer(() => this.#again(), defaults.announceMs)
  }

  /** A peer has asked. */
  requested(): void {
    if (this.#ports.clock.now() - this.#announcedAt >= answerMs) this.#announce()
  }

  /** Nothing more is sent: announces the last number, if it is not announced yet. */
  finish(): void {
    this.stop()
    if (this.#announcedNext > 0 && this.#ports.next() > this.#announcedNext) this.#announce()
  }

  /** Announces no more. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #again(): void {
    this.#timer = undefined
    if (this.#ports.next() === this.#announcedNext) return
    this.#announce()
    this.#timer = this.#ports.clock.setTimer(() => this.#again(), defaults.announceMs)
  }

  #announce(): void {
    const { clock, next, send } = this.#ports
    this.#announcedAt = clock.now()
    const sequence = next()
    this.#announcedNext = sequence
    const source = this.#constants.subarray(0, 8)
    const schemaId = this.#constants.subarray(8)
    for (const { offset, text } of this.#pieces) {
      const piece = { source, schemaId, sequence, size: this.#size, offset, text }
      send(writeRecordFrame(DatagramSchema, piece, frameKind.datagramSchema, undefined))
    }
  }
}
