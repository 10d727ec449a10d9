/**
 * A listener of typed streams and its peers, as the model sees them: clients that connect once or again and again, of several
 * versions of the schema, and strangers who say something else, stop in the middle of it, or are silent.
 */
import { connect, type Socket } from 'node:net'
import {
  connectStream,
  createStreamListener,
  type ReconnectingStream,
  reconnectStream,
  type StreamConnection,
  type StreamListener,
} from '../../patterns/socket/index.js'
import { defineSchema, record, type Schema } from '../../src/avro/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import type { CloseOptions } from '../../src/lifecycle/index.js'
import { total } from '../support/events.js'
import { dataFrame } from '../support/stranger.js'
import type { Lab } from './lab.js'
import type { Outcome } from './outcomes.js'
import { tick } from './ticks.js'

const Note = defineSchema(record('Note', { name: 'string', at: 'int' }))

/** Versions of the schema: that of the listener, a later one, one that cannot be read. */
export const versions = {
  same: Note,
  later: defineSchema(record('Note', { at: 'int', name: 'string', extra: { schema: 'string', default: '' } })),
  other: defineSchema(record('Note', { name: 'string', at: 'string' })),
} as unknown as Readonly<Record<Version, Schema<Note, Note>>>

export type Version = 'same' | 'later' | 'other'

interface Note {
  readonly name: string
  readonly at: number
}

export interface Setup {
  readonly maxConnections: number | undefined
  readonly takeTimeoutMs: number | undefined
  readonly backoff: { readonly initialMs: number; readonly maxMs: number }
}

export interface World {
  readonly lab: Lab
  readonly setup: Setup
  /** Where the listener is, in each of its lives. */
  endpoint: string
  /** The way of clients to it. */
  way: string
  listener: StreamListener<Note>
  isListening: boolean
  readonly clients: Client[]
  readonly reconnecting: Reconnecting[]
  readonly strangers: Socket[]
  /** Connections of the listener. */
  readonly accepted: End[]
  names: number
}

/** One end of a connection, of either side. */
export class End {
  readonly connection: StreamConnection<Note>
  readonly name: string
  readonly #lab: Lab
  /** Messages that were offered and those that came. */
  offered = 0
  got = 0
  readonly #last = new Map<string, number>()

  constructor(lab: Lab, connection: StreamConnection<Note>, name: string) {
    this.#lab = lab
    this.connection = lab.watch(connection)
    this.name = name
  }

  send(count: number): void {
    for (let at = 0; at < count; at++) {
      const note = { name: this.name, at: this.offered++ }
      this.#lab.call('send', () => this.connection.send(note), { rejects: ['RIVULET_CLOSED'] })
    }
  }

  read(): void {
    this.connection.messages.subscribe(({ name, at }) => {
      this.got += 1
      this.#lab.expect(at > (this.#last.get(name) ?? -1), () => `${name}: ${at} behind ${this.#last.get(name)}`)
      this.#lab.expect(this.#last.size === 0 || this.#last.has(name), () => `${name}: of another connection`)
      this.#last.set(name, at)
    })
  }

  /** Checks the counts. */
  check(): void {
    const { incoming, outgoing } = this.connection.stats()
    const counts = () => `${this.name}: ${JSON.stringify({ offered: this.offered, got: this.got, incoming, outgoing })}`
    const { accepted, sent, pending, dropped, refused } = outgoing
    this.#lab.expect(accepted === sent + pending + total(dropped), counts)
    this.#lab.expect(accepted + total(refused) <= this.offered, counts)
    const { received, delivered } = incoming
    this.#lab.expect(received === delivered + incoming.pending + total(incoming.dropped), counts)
    this.#lab.expect(delivered === this.got, counts)
  }
}

/** A client that connects once. */
export interface Client {
  readonly version: Version
  connecting: Outcome<void> | undefined
  end: End | undefined
}

/** A client that connects again. */
export interface Reconnecting {
  readonly version: Version
  readonly stream: ReconnectingStream<Note>
  readonly ends: End[]
  isClosing: boolean
}

/** Opens the listener, in its first life or a later one. */
export async function listen(world: World): Promise<void> {
  const { lab, setup } = world
  const { maxConnections, takeTimeoutMs } = setup
  const limits = { ...(maxConnections && { maxConnections }), ...(takeTimeoutMs && { takeTimeoutMs }) }
  const options = { schema: versions.same, bind: world.endpoint, runtime: lab.runtime, ...limits }
  world.listener = lab.watch(await bound(() => createStreamListener<Note, Note>(options)))
  world.endpoint = world.listener.endpoint
  world.isListening = true
}

/** Tries to bind again while a connection of another sequence has the port. */
async function bound<T>(open: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await open()
    } catch (error) {
      if ((error as RivuletError).code !== 'RIVULET_BIND_FAILED') throw error
      await tick()
    }
  }
}

/** Takes connections from now on. */
export function accept(world: World): () => void {
  const { lab, accepted, listener } = world
  const subscription = listener.connections.subscribe((connection) => {
    const end = new End(lab, connection, `s${accepted.length}`)
    accepted.push(end)
    end.read()
    // so that the other side may end
    connection.messages.subscribe({ complete: () => connection.complete() })
  })
  return () => subscription.unsubscribe()
}

/** How a connection may fail that was never open. */
const failures = [
  'RIVULET_CONNECTION_REFUSED',
  'RIVULET_CONNECTION_LOST',
  // a listener at a path that closes before it has accepted
  'RIVULET_TRANSPORT_FAILED',
  'RIVULET_HANDSHAKE_FAILED',
  'RIVULET_TIMEOUT',
  'RIVULET_CLOSED',
] as const

/** A client connects once. */
export function join(world: World, version: Version): void {
  const { lab, way, clients } = world
  const client: Client = { version, connecting: undefined, end: undefined }
  clients.push(client)
  const opened = connectStream<Note, Note>({ schema: versions[version], connect: way, runtime: lab.runtime })
  const rejects = [...failures, ...(version === 'other' ? ['RIVULET_INCOMPATIBLE_SCHEMA' as const] : [])]
  const connecting = opened.then((connection) => {
    lab.expect(version !== 'other', 'a client that cannot read has connected')
    client.end = new End(lab, connection, `c${world.names++}`)
    client.end.read()
  })
  client.connecting = lab.call(`connect (${version})`, () => connecting, { rejects })
}

/** A client connects, and again. */
export async function joinAgain(world: World, version: Version): Promise<void> {
  const { lab, way, setup, reconnecting } = world
  const schema = versions[version]
  const { backoff } = setup
  const stream = lab.watch(await reconnectStream<Note, Note>({ schema, connect: way, runtime: lab.runtime, backoff }))
  const one: Reconnecting = { version, stream, ends: [], isClosing: false }
  reconnecting.push(one)
  stream.connections.subscribe((connection) => {
    lab.expect(version !== 'other', 'a client that cannot read has connected again')
    const before = one.ends.at(-1)
    lab.expect(before?.connection.stats().outgoing.pending !== 1, 'there are two connections')
    const end = new End(lab, connection, `r${world.names++}`)
    one.ends.push(end)
    end.read()
  })
}

/** What strangers say. */
export const sayings = ['nothing', 'http', 'noise', 'half', 'opening', 'twice', 'other'] as const

/** A stranger connects, and says something. */
export function disturb(world: World, saying: (typeof sayings)[number], noise: string): void {
  const { way, strangers, lab } = world
  const socket = connect(
    way.startsWith('ipc://')
      ? { path: way.slice('ipc://'.length) }
      : { port: Number(way.split(':').at(-1)), host: '127.0.0.1' },
  )
  strangers.push(socket)
  socket.on('error', () => {})
  socket.resume()
  lab.atEnd(() => socket.destroy())
  const schema = JSON.stringify(saying === 'other' ? versions.other.json : Note.json)
  const frame = dataFrame({ kind: 'beacon', schema })
  const length = Buffer.alloc(4)
  length.writeUInt32BE(frame.length)
  const opening = Buffer.concat([length, frame])
  const bytes = {
    nothing: Buffer.alloc(0),
    http: Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    noise: Buffer.from(noise, 'hex'),
    half: opening.subarray(0, opening.length >> 1),
    opening,
    twice: Buffer.concat([opening, opening]),
    other: opening,
  }[saying]
  if (bytes.length > 0) socket.write(bytes)
}

/** Closes the listener. */
export function stopListening(world: World, options: CloseOptions): void {
  if (!world.isListening) return
  world.isListening = false
  world.lab.close(world.listener, options)
}
