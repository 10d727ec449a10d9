/**
 * The options of the transient queue: what a caller may say, its rules, and how it resolves.
 */
import { isSchema, type Schema } from '../../../src/avro/index.js'
import { defaults, instance, integer, oneOf, required } from '../../../src/options/index.js'
import { type SocketOptions, socketRules } from '../../../src/socket/index.js'
import { type OverflowPolicy, overflowPolicies } from '../../../src/stream/index.js'
import { maxFrameMessages } from '../../../src/wire/index.js'

/** Options that both sides of a transient queue take. */
interface QueueOptions extends SocketOptions {
  /**
   * The largest message, in bytes, 1 to 256 MiB; the same on both sides. A worker rejects frames beyond it plus 128 KiB.
   * @defaultValue `1_048_576` (1 MiB)
   */
  readonly maxMessageBytes?: number
  /**
   * What the system may hold for one connection on this side, in bytes, 4096 to 16 MiB; for TCP only.
   *
   * With the frames of the high-water mark it bounds what waits in front of one worker. Small values suit coarse jobs,
   * together with a small `maxBatchMessages`; large ones suit long, fast networks.
   *
   * @defaultValue `65_536` (64 KiB)
   */
  readonly socketBufferBytes?: number
}

/** Options of {@link createPush}. Exactly one of `bind` and `connect`. */
export interface PushOptions<In> extends QueueOptions {
  /** The schema of the messages. */
  readonly schema: Schema<In>
  /**
   * The most messages of one frame, 1 to 65,536.
   *
   * 1 suits coarse jobs: then no worker has more than it must before the others have some.
   *
   * @defaultValue `65_536`: the size of frames decides
   */
  readonly maxBatchMessages?: number
  /**
   * What happens when the outbox is full: see {@link OverflowPolicy}.
   * @defaultValue `'block'`
   */
  readonly overflow?: OverflowPolicy
  /**
   * Messages that wait to be sent, in bytes, 1 to 1 GiB; one frame more may be gathered.
   * @defaultValue `8_388_608` (8 MiB)
   */
  readonly outboxBytes?: number
}

/** Options of {@link createPull}. Exactly one of `bind` and `connect`. */
export interface PullOptions<Out> extends QueueOptions {
  /** The schema that messages are read with; writers may have an older or newer one. */
  readonly schema: Schema<unknown, Out>
}

const mebibyte = 1024 * 1024

const common = {
  ...socketRules,
  schema: instance('a schema of defineSchema', isSchema, required),
  maxMessageBytes: integer({ min: 1, max: 256 * mebibyte, fallback: defaults.maxMessageBytes }),
  socketBufferBytes: integer({ min: 4096, max: 16 * mebibyte, fallback: defaults.socketBufferBytes }),
}

/** The rules of `PushOptions`. */
export const pushRules = {
  ...common,
  maxBatchMessages: integer({ min: 1, max: maxFrameMessages, fallback: defaults.maxBatchMessages }),
  overflow: oneOf(overflowPolicies, defaults.overflow),
  outboxBytes: integer({ min: 1, max: 1024 * mebibyte, fallback: defaults.outboxBytes }),
}

/** The rules of `PullOptions`. */
export const pullRules = common
