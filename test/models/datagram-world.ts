/**
 * Sockets of datagrams that send to each other, as the model sees them, and a stranger between them.
 *
 * The stranger owns an address: it keeps what it gets, passes it on once, twice, late or damaged, or not at all.
 */
import { createSocket, type Socket } from 'node:dgram'
import { Subscription } from 'rxjs'
import {
  createDatagram,
  type Datagram,
  type DatagramDelivery,
  type DatagramOptions,
} from '../../patterns/socket/index.js'
import { defineSchema, record, type Schema } from '../../src/avro/index.js'
import type { CloseOptions } from '../../src/lifecycle/index.js'
import { total, turn } from '../support/events.js'
import type { Lab } from './lab.js'
import type { Outcome } from './outcomes.js'

const fields = { name: 'string', at: 'int', note: 'string' } as const

type AnySchema = Schema<never, unknown>

/** Versions of the schema that a socket may have: that of most, a later one, one that cannot be read. */
export const versions = {
  same: defineSchema(record('Note', fields)) as unknown as AnySchema,
  later: defineSchema({
    type: 'record',
    name: 'Note',
    fields: [
      { name: 'at', type: 'long' },
      { name: 'extra', type: ['null', 'string'], default: null },
      { name: 'name', type: 'string' },
      { name: 'note', type: 'string' },
    ],
  }) as unknown as AnySchema,
  other: defineSchema(record('Note', { name: 'string', at: record('At', { place: 'int' }) })) as unknown as AnySchema,
}

export type Version = keyof typeof versions

/** Whether a socket of the first version reads what one of the second writes. */
export function reads(reader: Version, writer: Version): boolean {
  return (reader === 'other') === (writer === 'other') && !(reader === 'same' && writer === 'later')
}

export interface Setup {
  readonly options: Omit<DatagramOptions<never>, 'schema'>
  readonly isRaw: boolean
  readonly nodes: readonly Version[]
}

export interface World {
  readonly lab: Lab
  readonly setup: Setup
  /** All that were ever there. */
  readonly nodes: Node[]
  readonly stranger: Stranger
  /** Messages that were offered together, which bounds what waits in the buffers of the system. */
  offered: number
}

/** Messages of one sequence that are sure to find room in the buffer of the system. */
export const surelyHeld = 300

/** How a socket consumes. */
export const consumptions = ['subscribe', 'process', 'failing', 'few', 'stop'] as const

/** One socket. */
export class Node {
  readonly lab: Lab
  readonly datagram: Datagram<never, unknown>
  readonly version: Version
  readonly name: string
  /** Where it sends without an address. */
  readonly to: string
  readonly #isRaw: boolean
  readonly #mayRepeat: boolean
  /** What it has sent, by where to. */
  readonly sent = new Map<string, Outcome<unknown>[]>()
  /** The last place of each name that came. */
  readonly #last = new Map<string, number>()
  readonly #seen = new Set<string>()
  readonly #numbers = new Map<string, number>()
  got = 0
  offered = 0
  /** Whether what was offered is known exactly. */
  isCountable = true
  isClosing = false
  readonly #places = new Map<string, number>()
  #sendAlls = 0
  consuming = new Subscription()
  /** Resolves when the last iterator has left. */
  leaving: Promise<void> = Promise.resolve()

  static async open(
    { lab, setup: { options, isRaw }, nodes, stranger }: World,
    version: Version,
    bind = 'udp://127.0.0.1:*',
  ): Promise<Node> {
    const schema = versions[version]
    const what = isRaw ? { raw: { schema } } : { schema }
    const to = nodes[0]?.endpoint ?? stranger.endpoint
    const { batch = false, ...others } = options
    const all = { runtime: lab.runtime, ...others, batch: batch && !isRaw, bind, to, ...what }
    const datagram = await createDatagram<never, unknown>(all as DatagramOptions<never, unknown>)
    return new Node(lab, lab.watch(datagram), version, `n${nodes.length}`, to, isRaw, options.sourceLimit !== undefined)
  }

  private constructor(
    lab: Lab,
    datagram: Datagram<never, unknown>,
    version: Version,
    name: string,
    to: string,
    isRaw: boolean,
    mayRepeat: boolean,
  ) {
    this.lab = lab
    this.datagram = datagram
    this.version = version
    this.name = name
    this.to = to
    this.#isRaw = isRaw
    this.#mayRepeat = mayRepeat
  }

  get endpoint(): string {
    return this.datagram.endpoint
  }

  /** The next message to a place; those of each kind of call keep their order. */
  message(to: string, kind: string, bytes = 0): never {
    const name = `${this.name} ${to} ${kind}`
    const at = this.#places.get(name) ?? 0
    this.#places.set(name, at + 1)
    return (this.version === 'other' ? { name, at: { place: at } } : { name, at, note: 'n'.repeat(bytes) }) as never
  }

  /** A kind of call for one source of messages. */
  newSource(): string {
    this.#sendAlls += 1
    return `all-${this.#sendAlls}`
  }

  sendTo(to: string, count: number, bytes: number, overflow: string | undefined): void {
    const rejects = ['RIVULET_CLOSED', ...(overflow === 'error' ? ['RIVULET_OUTBOX_FULL' as const] : [])] as const
    const sent = this.sent.get(to) ?? []
    this.sent.set(to, sent)
    for (let at = 0; at < count; at++) {
      this.offered += 1
      // a closed socket refuses an address before it has looked for its destination, so that nothing is counted
      if (this.datagram.status !== 'open') this.isCountable = false
      const message = this.message(to, 'send', bytes)
      sent.push(this.lab.call('sendTo', () => this.datagram.sendTo(to, message), { rejects }))
    }
  }

  next(count: number): void {
    this.offered += count
    for (let at = 0; at < count; at++) this.datagram.next(this.message(this.to, 'next'))
  }

  close(options: CloseOptions): void {
    this.isClosing = true
    const closing = this.lab.close(this.datagram, options)
    this.lab.atEnd(() => {
      const { incoming, outgoing } = this.datagram.stats()
      const dropped = total(incoming.dropped) + total(outgoing.dropped)
      const { undelivered = 0 } = closing.value ?? {}
      this.lab.expect(undelivered <= dropped, () => `undelivered ${undelivered}, dropped ${dropped}`)
    })
  }

  take({ value, from, sequence, lost }: DatagramDelivery<unknown>, world: World): void {
    const { lab } = this
    this.got += 1
    if (this.#isRaw) {
      // anything may look like a message of another version
      lab.expect(sequence === 0 && lost === 0, `raw, and number ${sequence}, ${lost} lost`)
      return
    }
    const { name, at } = value as { name: string; at: number | { place: number } }
    const place = typeof at === 'number' ? at : at.place
    const [writerName, to] = name.split(' ')
    const writer = world.nodes.find((one) => one.name === writerName)
    lab.expect(writer !== undefined && reads(this.version, writer.version), () => `${name} cannot be read here`)
    const isDirect = from !== world.stranger.endpoint
    lab.expect(!isDirect || writer?.endpoint === from, () => `${name} is from ${from}`)
    const key = `${name} ${from}`
    if (!this.#mayRepeat) {
      const id = `${key} ${place}`
      lab.expect(!this.#seen.has(id), () => `${id} came twice`)
      this.#seen.add(id)
    }
    if (!isDirect) return
    lab.expect(place > (this.#last.get(key) ?? -1), () => `${key}: ${place} behind ${this.#last.get(key)}`)
    this.#last.set(key, place)
    const source = `${writerName} ${to}`
    const before = this.#numbers.get(source) ?? 0
    lab.expect(lost < sequence - before, () => `${source}: number ${sequence} behind ${before}, and ${lost} lost`)
    this.#numbers.set(source, sequence)
  }

  /** Checks the counts. */
  check(): void {
    const stats = this.datagram.stats()
    const { incoming, outgoing } = stats
    const { lab } = this
    lab.expect(
      outgoing.accepted === outgoing.sent + outgoing.pending + total(outgoing.dropped),
      () => `sent: ${JSON.stringify(outgoing)}`,
    )
    lab.expect(
      incoming.received === incoming.delivered + incoming.pending + total(incoming.dropped),
      () => `received: ${JSON.stringify(incoming)}`,
    )
    if (this.#isRaw) return
    const { received, duplicate, replayed, lost } = stats
    lab.expect(received + duplicate + replayed === incoming.received && lost >= 0, () => JSON.stringify(stats))
    lab.expect((incoming.dropped.duplicate ?? 0) === duplicate, () => `duplicates: ${JSON.stringify(stats)}`)
    const sums = stats.sources.reduce((sum, source) => sum + source.received, 0)
    lab.expect(sums <= received, () => `sources: ${JSON.stringify(stats)}`)
  }
}

/** A socket of the system that is no peer, or passes on what peers say. */
export class Stranger {
  readonly #socket: Socket
  readonly endpoint: string
  readonly #kept: Buffer[] = []

  static async open(lab: Lab): Promise<Stranger> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    lab.atEnd(() => new Promise<void>((resolve) => socket.close(() => resolve())))
    return new Stranger(socket)
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    this.endpoint = `udp://127.0.0.1:${socket.address().port}`
    socket.on('message', (bytes) => this.#kept.push(bytes))
  }

  /** Passes what it has kept on, the last first if it is `late`, and each so many times. */
  pass(to: string, copies: number, isLate: boolean): void {
    const kept = this.#kept.splice(0)
    for (const bytes of isLate ? kept.reverse() : kept) {
      for (let copy = 0; copy < copies; copy++) this.send(to, bytes)
    }
  }

  /** Passes what it has kept on with a bit changed in each. */
  damage(to: string, bit: number): void {
    for (const bytes of this.#kept.splice(0)) {
      const at = bit % (8 * bytes.length)
      bytes[at >> 3] = (bytes[at >> 3] as number) ^ (1 << (at & 7))
      this.send(to, bytes)
    }
  }

  send(to: string, bytes: Buffer): void {
    this.#socket.send(bytes, Number(to.split(':').at(-1)), '127.0.0.1', () => {})
  }
}

/** Consumes in another way from now on. */
export async function consume(world: World, node: Node, how: (typeof consumptions)[number]): Promise<void> {
  const { deliveries } = node.datagram
  node.consuming.unsubscribe()
  node.consuming = new Subscription()
  // what an iterator was given is its own
  await node.leaving
  if (how === 'stop') return
  const take = (delivery: DatagramDelivery<unknown>) => node.take(delivery, world)
  if (how === 'subscribe') node.consuming = deliveries.subscribe(take)
  else if (how === 'few') node.leaving = takeFew(node, take)
  else {
    const work = async (delivery: DatagramDelivery<unknown>) => {
      take(delivery)
      await turn()
      if (how === 'failing') throw new Error('as it was told to')
    }
    node.consuming = deliveries.process(work, { concurrency: 3 }).subscribe()
  }
}

/** Takes a few messages, one after the other, unless it is stopped before. */
async function takeFew(node: Node, take: (delivery: DatagramDelivery<unknown>) => void): Promise<void> {
  const iterator = node.datagram.deliveries[Symbol.asyncIterator]()
  const taking = new Subscription(() => void iterator.return?.())
  node.consuming = taking
  for (let left = 5; left > 0; left--) {
    const { value, done } = await iterator.next()
    if (done) return
    take(value)
  }
  taking.unsubscribe()
}
