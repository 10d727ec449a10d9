/** A relay of datagrams that loses, reorders, doubles and delays what passes, by a seed, and keeps what it has let through. */
import { createSocket, type Socket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import avsc from 'avsc'
import { root } from '../../tools/build.js'
import { Random } from '../simulation/random.js'
import type { Scope } from '../support/scope.js'
import type { Arrived } from './oracle.js'

const typeOf = (file: string): avsc.Type =>
  avsc.Type.forSchema(JSON.parse(readFileSync(join(root, 'docs/protocol', file), 'utf8')) as avsc.Schema, {
    registry: Object.create(null),
  })

const Header = typeOf('datagram-header.avsc')
const Announcement = typeOf('datagram-schema.avsc')
const preludeBytes = 8

/** What a datagram says of its place, read by the schemas of docs/protocol with another library. */
export function placeOf(bytes: Buffer): Arrived & { readonly source: string } {
  const type = bytes[3] === 22 ? Header : Announcement
  const { value } = type.decode(bytes, preludeBytes) as {
    value: { source: Buffer; sequence: number; count?: number }
  }
  return { sequence: value.sequence, count: value.count ?? 0, source: Buffer.from(value.source).toString('hex') }
}

/** How the relay treats datagrams, as probabilities. */
export interface RelaySettings {
  readonly loss: number
  readonly doubling: number
  /** Of being held back for up to so many datagrams. */
  readonly delay: number
  readonly mostDelayed: number
}

interface Held {
  readonly bytes: Buffer
  left: number
}

/** A relay to one receiver. */
export class Relay {
  readonly #socket: Socket
  readonly #port: number
  readonly #random: Random
  readonly #settings: RelaySettings
  #held: Held[] = []
  /** What was let through, in order. */
  readonly passed: Buffer[] = []
  /** Datagrams with messages that have come, and the messages of all that have passed. */
  seen = 0
  passedMessages = 0

  static async open(scope: Scope, to: string, seed: number, settings: RelaySettings): Promise<Relay> {
    const socket = createSocket('udp4')
    scope.teardown(() => socket.close())
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    return new Relay(socket, Number(to.split(':').at(-1)), new Random(seed), settings)
  }

  private constructor(socket: Socket, port: number, random: Random, settings: RelaySettings) {
    this.#socket = socket
    this.#port = port
    this.#random = random
    this.#settings = settings
    socket.on('message', (bytes) => this.#take(bytes))
  }

  get endpoint(): string {
    return `udp://127.0.0.1:${this.#socket.address().port}`
  }

  /** Lets everything through that is held back. */
  flush(): void {
    for (const { bytes } of this.#held.splice(0).sort(() => this.#random.below(3) - 1)) this.#pass(bytes)
  }

  /** Lets a datagram through again. */
  replay(bytes: Buffer): void {
    this.#pass(bytes)
  }

  #take(bytes: Buffer): void {
    if (placeOf(bytes).count > 0) this.seen += 1
    for (const held of this.#held) held.left -= 1
    const due = this.#held.filter(({ left }) => left <= 0)
    this.#held = this.#held.filter(({ left }) => left > 0)
    for (const held of due) this.#pass(held.bytes)
    const { loss, doubling, delay, mostDelayed } = this.#settings
    if (this.#random.chance(loss)) return
    const copies = this.#random.chance(doubling) ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      if (this.#random.chance(delay)) this.#held.push({ bytes, left: this.#random.between(1, mostDelayed) })
      else this.#pass(bytes)
    }
  }

  #pass(bytes: Buffer): void {
    this.passed.push(bytes)
    this.passedMessages += placeOf(bytes).count
    this.#socket.send(bytes, this.#port, '127.0.0.1')
  }
}
