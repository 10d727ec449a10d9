/**
 * The seam under the durable queue: what an engine does, whatever it keeps its messages in.
 *
 * An engine knows neither links nor schemas: it keeps bytes, deals them out under leases, and says when something is safe.
 * `local-engine.ts` is one, over a store; an engine over a replicated system can be another, and says in `capabilities`
 * what it promises less. Of what is here, users of the package see `QueueCounts` alone.
 */
import type { RivuletError } from '../errors/index.js'
import type { PeerIdentity } from '../security/index.js'
import type { Durability } from '../store/index.js'

/** What an engine promises beside storing and leasing. */
export interface EngineCapabilities {
  readonly durability: Durability
  /** Whether an id is taken once in the window of its queue. */
  readonly deduplicates: boolean
  /** Whether messages of one key can be kept in order. */
  readonly ordersKeys: boolean
  readonly delays: boolean
  readonly deadLetters: boolean
}

/** How the messages of one queue are treated; every option is resolved. */
export interface QueueSettings {
  /** Deliveries of one message, the first included, before it goes to the dead letters; infinite for no bound. */
  readonly maxAttempts: number
  /** How long a consumer has a message without a sign of life, in milliseconds. */
  readonly leaseMs: number
  /** The wait before a message that failed is delivered again: `initialMs × factor^(attempt − 1)`, at most `maxMs`. */
  readonly backoff: { readonly initialMs: number; readonly factor: number; readonly maxMs: number }
  /** Messages in the queue, those under a lease included; infinite for no bound. */
  readonly maxLength: number
  /** Bytes of their bodies; infinite for no bound. */
  readonly maxBytes: number
  /** Messages that wait for longer are dropped, in milliseconds; infinite for no bound. */
  readonly maxAgeMs: number
  /** What happens to a message that finds the queue full. */
  readonly overflow: 'reject' | 'drop-oldest'
  /** How long an id is remembered, in milliseconds. */
  readonly dedupeMs: number
  /** Whether messages of one key are delivered one after the other, by when they are ready, each when the one before it is gone. */
  readonly keyOrder: boolean
  /** What happens to messages that no attached consumer can read: they wait for one that can, or go to the dead letters. */
  readonly unreadable: 'keep' | 'dead-letter'
}

/** Messages side by side, so that nothing need be done for each of them: sent together, and dealt out together. */
export interface MessageBlock {
  readonly count: number
  /** The hash of the schema that all of them were written with (`src/wire`), 16 bytes. */
  readonly schemaId: Uint8Array
  /** The size of each body, in bytes. */
  readonly lengths: readonly number[]
  /** The CRC-32 of each body, four bytes each, big-endian: made where the message is written, held where it is read. */
  readonly checks: Uint8Array
  /** The bodies, one behind the other. */
  readonly bodies: Uint8Array
  /** What only some messages have, by rising index. */
  readonly extras: readonly MessageExtras[]
  /** The proven sender, which is kept with them. */
  readonly sender?: PeerIdentity | undefined
}

/** What a sender may say about one message. */
export interface MessageExtras {
  /** Which message of the block. */
  readonly index: number
  /** Its name in the queue: another message of the name within the window is the same one. */
  readonly id?: string
  readonly key?: string
  /** Not to be delivered before this long after it was stored, in milliseconds. */
  readonly delayMs?: number
  /** Not to be delivered after this long after it was stored, in milliseconds. */
  readonly ttlMs?: number
}

/** What became of a block that was sent. */
export type SendOutcome = StoredMessages &
  (
    | { readonly kind: 'stored' }
    /**
     * Only what is before `expected` is stored; the sender numbers what it sends next from there on. 0 if that
     * is not known, since the store cannot be read or too many refused producers are remembered: the block is in doubt then.
     */
    | { readonly kind: 'refused'; readonly expected: number; readonly error: RivuletError }
  )

/** What of a block is stored. */
export interface StoredMessages {
  /** How many messages in front had been stored by an earlier call, so that they were not stored again. */
  readonly repeated: number
  /**
   * The place of the first message that was stored now; the others follow, duplicates left out. 0 if none was: the places
   * of repeated messages are not known any more.
   */
  readonly position: number
  /** Messages whose id was there already, by index, with the place of the first of the name. */
  readonly duplicates: readonly { readonly index: number; readonly position: number }[]
}

/** One message as it is dealt out, beside its block. */
export interface DeliveryExtras {
  readonly index: number
  /** Which delivery of the message this is, if not the first. */
  readonly attempt?: number
  readonly id?: string
  readonly key?: string
}

/** The sender of messages of a lease: those from an index on, up to the next record. */
export interface SenderRun {
  readonly index: number
  readonly sender: PeerIdentity | undefined
}

/** Messages under one lease. */
export interface LeasedBlock {
  /** The token of this attempt: no other delivery has it, not even after a restart. */
  readonly lease: number
  /** Places of the messages in their queue. */
  readonly positions: readonly number[]
  /** When each was stored, in milliseconds since 1970. */
  readonly times: readonly number[]
  readonly messages: Omit<MessageBlock, 'extras' | 'sender'>
  readonly extras: readonly DeliveryExtras[]
  /** The senders, by rising index; empty if none is known. */
  readonly senders: readonly SenderRun[]
}

/** What a consumer says about messages of one lease: `count` of them from the index on. */
export interface Settlement {
  readonly lease: number
  readonly index: number
  readonly count: number
  /**
   * `ack`: done. `nack`: failed, once more after `delayMs` or the backoff of the queue. `reject`: to the dead letters at
   * once. `release`: never looked at, which does not count as an attempt.
   */
  readonly kind: 'ack' | 'nack' | 'reject' | 'release'
  /**
   * With `release`: the consumer cannot read these values, though it can read others of their schema. They are dealt to
   * consumers that have not said so of values of the schema.
   */
  readonly unreadable?: boolean
  readonly delayMs?: number
  /** Why it failed, for the history of the message: a text, and a stack if there is one. */
  readonly reason?: string
  readonly stack?: string
}

/** What became of a settlement: messages of it that were not under that lease any more are `stale`. */
export interface SettleOutcome {
  readonly settled: number
  readonly stale: number
  /** The engine cannot store anything: nothing was settled, and nothing is lost. */
  readonly error?: RivuletError
}

/** What an engine tells a consumer. */
export interface ConsumerPorts {
  /** Takes messages; their attempts are stored. */
  deliver(leased: LeasedBlock): void
  /** A lease has ended: another consumer may be dealt its messages. */
  lost(lease: number): void
  /** How long nothing has come from the consumer, in milliseconds; always 0 if left out. */
  silentMs?(): number
}

/** A consumer at its queue. */
export interface Attachment {
  /** Lets the engine deal out so many messages more. */
  grant(messages: number): void
  /**
   * Settles messages; `done` is called when that is as safe as the engine's durability says. An `ack` counts until another
   * consumer is dealt the message, also when the lease has run out.
   */
  settle(settlements: readonly Settlement[], done: (outcomes: readonly SettleOutcome[]) => void): void
  /** The consumer cannot read messages of some schemas: it is dealt none of them any more. */
  cannotRead(meanings: readonly Uint8Array[]): void
  /** Restarts leases; returns those that are lost. */
  extend(leases: readonly number[]): number[]
  /**
   * Takes over leases of an attachment that has ended, or of before a restart; returns those that are lost. All other
   * leases of the same consumer are released.
   */
  adopt(leases: readonly number[]): number[]
  /**
   * Deals out nothing more until `resume`: the consumer cannot be reached. What it holds stays under its leases.
   *
   * @param unsent - Leases that were delivered here and have not left for the consumer: they are released, and their
   * messages count against what was granted no more.
   */
  suspend(unsent: readonly number[]): void
  /** Deals out again. */
  resume(): void
  /** Ends it: nothing more is dealt out. Its leases run on until they are adopted or run out. */
  detach(): void
  /** Ends it, and its leases with it, as if they had run out: the consumer does not come back. */
  abandon(): void
}

/** A message as `peek` shows it. */
export interface PeekedMessage {
  readonly position: number
  readonly time: number
  readonly schemaId: Uint8Array
  readonly body: Uint8Array
  readonly attempts: number
  readonly state: 'ready' | 'delayed' | 'leased'
  readonly id?: string
  readonly key?: string
  /** When it is due, for one that is delayed, in milliseconds since 1970. */
  readonly due?: number
  /** What failed so far, the last at the end. */
  readonly history: readonly FailedAttempt[]
  /** Where a dead letter comes from. */
  readonly origin?: { readonly queue: string; readonly position: number }
  readonly sender?: PeerIdentity
}

/** One delivery that came to nothing. */
export interface FailedAttempt {
  readonly attempt: number
  readonly time: number
  /** `nack`, `reject`, or `lease-lost`. */
  readonly cause: 'nack' | 'reject' | 'lease-lost'
  readonly consumer: string
  readonly reason?: string
  readonly stack?: string
}

/** The counts of one queue: as it is now up to `consumers`, and then what has happened since it was opened. */
export interface QueueCounts {
  /** Messages in the queue: `ready`, `delayed` and `leased` together. */
  readonly depth: number
  /** Messages that wait for a consumer, those that are `unreadable` included. */
  readonly ready: number
  /** Messages that wait, and whose schema no attached consumer can read: others pass them. */
  readonly unreadable: number
  /** Messages that are not due yet: delayed by their producer, or because they failed. */
  readonly delayed: number
  /** Messages that consumers have. */
  readonly leased: number
  /** What the bodies take, in bytes. */
  readonly bytes: number
  /** How long the oldest that is ready waits, in milliseconds; 0 if there is none. */
  readonly oldestMs: number
  /** Consumers that are connected; one whose connection is lost is not, until its link has resumed. */
  readonly consumers: number
  /** Messages that were stored. */
  readonly stored: number
  /** Messages that were not stored again: their id was there, or their producer had sent them before. */
  readonly duplicates: number
  /** Deliveries, each of one message. */
  readonly delivered: number
  /** Messages that were done, also those that consumers had when the host was opened. */
  readonly acked: number
  /** Deliveries that failed. */
  readonly nacked: number
  /** Leases that were lost, each of one delivery or more. */
  readonly leasesLost: number
  /** Messages that went to the dead letters. */
  readonly deadLettered: number
  /** Messages that were dropped, by reason: `overflow`, `expired`, `purged`, `corrupt`. */
  readonly dropped: Readonly<Record<string, number>>
  /** What was said about deliveries that were not under their lease any more. */
  readonly stale: number
}

/** Keeps queues. All calls are of one thread; `done` callbacks come later, never within the call. */
export interface QueueEngine {
  readonly capabilities: EngineCapabilities
  /** At random for each opening: a consumer that sees another one discards what it has not begun. */
  readonly epoch: string
  /** The names of all queues. */
  readonly queues: readonly string[]
  /**
   * Makes a queue, or changes how an existing one is treated. Its dead letters are the queue `<name>.dead`.
   *
   * @throws RIVULET_INVALID_OPTION for a name that no queue can have.
   */
  declare(queue: string, settings: QueueSettings): void
  has(queue: string): boolean
  /**
   * Stores a block, whose arrays belong to the engine from now on. A producer numbers its messages from 1, without gaps: what is numbered like one that is stored counts
   * as stored again, so that sending twice is harmless, and one beyond the next is refused.
   *
   * @param sequence - The number of the first message of the block.
   * @param schema - The text of the schema, at least in the first block that is written with it: a block whose schema is
   * not known is refused with RIVULET_UNKNOWN_SCHEMA.
   * @throws RIVULET_INVALID_MESSAGE for a block that is not what it says.
   */
  send(
    queue: string,
    producer: string,
    sequence: number,
    block: MessageBlock,
    schema: string | undefined,
    done: (outcome: SendOutcome) => void,
  ): void
  /** The text of a schema that messages were written with. */
  schemaText(schemaId: Uint8Array): string | undefined
  /** Attaches a consumer; the name is the same for one that comes back. */
  attach(queue: string, consumer: string, ports: ConsumerPorts): Attachment
  counts(queue: string): QueueCounts
  /** Calls back after each change of the counts of any queue, at most once a write; returns how to stop that. */
  onChange(callback: (queue: string) => void): () => void
  /** Calls back when the current write, which counts include already, has ended: `peek` shows then what it has stored. */
  settled(done: () => void): void
  /** The first messages of a queue as they are stored: those that are ready, then the delayed, then the leased ones. */
  peek(queue: string, limit: number): PeekedMessage[]
  /** Drops all that wait, not what is under a lease; calls back with how many when that is safe. */
  purge(queue: string, done: (dropped: number, error?: RivuletError) => void): void
  /** Moves up to `limit` messages of the dead letters of a queue back to it, as if they were new. */
  redrive(queue: string, limit: number, done: (moved: number, error?: RivuletError) => void): void
  /** Resolves when everything that was asked for is settled; nothing more is taken then. */
  close(): Promise<void>
}
