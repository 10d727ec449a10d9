/**
 * Engines that are broken on purpose, each in one way: a simulation that does not find them is worth nothing.
 *
 * A method of a part is replaced for the time of a run.
 */
import { LocalAttachment } from '../../src/engine/attachment.js'
import { BlockLog } from '../../src/engine/block-log.js'
import { Consumer } from '../../src/engine/consumer.js'
import { LocalEngine } from '../../src/engine/index.js'
import { KeyOrder } from '../../src/engine/key-order.js'
import { type Lease, Leases } from '../../src/engine/leases.js'
import { Producers } from '../../src/engine/producers.js'
import { Queue } from '../../src/engine/queue.js'
import { ScheduledMessages } from '../../src/engine/scheduled-messages.js'
import { SetAside } from '../../src/engine/set-aside.js'
import { Transaction } from '../../src/engine/transaction.js'
import { all, replace } from './broken-machines.js'

/** A way to be broken. */
export interface BrokenPart {
  readonly name: string
  /** The seed from which on it is looked for, where the first hundred would take long. Default: 1. */
  readonly from?: number
  /** Breaks all parts of a kind, and returns what mends them. */
  breakIt(): () => void
}

/** All broken engines. */
export const brokenEngines: readonly BrokenPart[] = [
  {
    name: 'confirms what is not flushed',
    breakIt: () =>
      replace(
        LocalEngine.prototype,
        'send',
        (send) =>
          function (this: LocalEngine, queue, producer, sequence, block, schema, done) {
            send.call(this, queue, producer, sequence, block, schema, () => {})
            done({ kind: 'stored', repeated: block.count, position: 0, duplicates: [] })
          },
      ),
  },
  {
    name: 'tells of an acknowledgement before it is stored',
    breakIt: () =>
      replace(
        LocalAttachment.prototype,
        'settle',
        (settle) =>
          function (this: LocalAttachment, settlements, done) {
            settle.call(this, settlements, () => {})
            done(settlements.map(({ count }) => ({ settled: count, stale: 0 })))
          },
      ),
  },
  {
    name: 'counts an attempt only when something more happens to its lease',
    breakIt: () =>
      replace(
        Leases.prototype,
        'add',
        () =>
          function (this: Leases, lease) {
            this.restore(lease)
          },
      ),
  },
  {
    name: 'stores what is sent again',
    from: 21,
    breakIt: () => replace(Producers.prototype, 'last', () => () => undefined),
  },
  {
    name: 'takes what a producer that was refused sent behind it for its beginning',
    from: 21,
    breakIt: () =>
      replace(
        Producers.prototype,
        'expected',
        () =>
          function (this: Producers, tx, name, refused) {
            return (this.last(tx, name) ?? refused - 1) + 1
          },
      ),
  },
  {
    name: 'accepts what is said under a lease that has run out',
    from: 133,
    breakIt() {
      const former = new WeakMap<Leases, Lease[]>()
      return all(
        replace(
          Leases.prototype,
          'add',
          (add) =>
            function (this: Leases, lease) {
              add.call(this, lease)
              former.set(this, [...(former.get(this) ?? []), { ...lease }])
            },
        ),
        replace(
          Leases.prototype,
          'get',
          (get) =>
            function (this: Leases, number) {
              const lease = get.call(this, number)
              if (lease) return lease
              const stale = former.get(this)?.find((one) => one.number === number)
              const [position] = stale?.segments.map((segment) => segment.position) ?? []
              for (const present of this.values()) {
                const isSame = present.segments.some((segment) => segment.position === position)
                if (stale && isSame && present.owner === stale.owner) return present
              }
              return undefined
            },
        ),
      )
    },
  },
  {
    name: 'says that stale settlements were settled',
    breakIt: () =>
      replace(
        LocalAttachment.prototype,
        'settle',
        (settle) =>
          function (this: LocalAttachment, settlements, done) {
            settle.call(this, settlements, (outcomes) => {
              done(outcomes.map((one) => ({ ...one, settled: one.settled + one.stale, stale: 0 })))
            })
          },
      ),
  },
  {
    name: 'does not store what failed',
    breakIt: () => replace(Transaction.prototype, 'putVisible', () => function (this: Transaction) {}),
  },
  {
    name: 'goes on with what a failed write was to change',
    breakIt: () => replace(Queue.prototype, 'reload', () => function (this: Queue) {}),
  },
  {
    name: 'gives out messages of one key together',
    breakIt: () => replace(KeyOrder.prototype, 'own', () => () => true),
  },
  {
    name: 'lets what became due go before the log has been read',
    from: 82,
    breakIt: () => replace(BlockLog.prototype, 'isBefore', () => () => false),
  },
  {
    name: 'gives consumers more than they asked for',
    breakIt: () =>
      replace(
        LocalAttachment.prototype,
        'grant',
        (grant) =>
          function (this: LocalAttachment, messages) {
            grant.call(this, messages + 1)
          },
      ),
  },
  {
    name: 'deals to consumers that cannot be reached',
    from: 68,
    breakIt: () => replace(LocalAttachment.prototype, 'suspend', () => function (this: LocalAttachment) {}),
  },
  {
    name: 'deals out what a consumer cannot read',
    from: 30,
    breakIt: () => replace(Consumer.prototype, 'canRead', () => () => true),
  },
  {
    name: 'keeps what is set aside from consumers that can read it',
    breakIt: () => replace(SetAside.prototype, 'oldestLane', () => () => undefined),
  },
  {
    name: 'forgets the order of a key when a message is set aside',
    breakIt: () =>
      replace(
        SetAside.prototype,
        'put',
        (put) =>
          function (this: SetAside, tx, schemaId, entry) {
            const isSingle = 'message' in entry
            put.call(this, tx, schemaId, isSingle ? { ...entry, message: { ...entry.message, key: undefined } } : entry)
          },
      ),
  },
  {
    name: 'does not count what is set aside on disk',
    from: 79,
    breakIt: () => replace(SetAside.prototype, 'flush', () => function (this: SetAside) {}),
  },
  {
    name: 'removes blocks of which messages are set aside',
    from: 970,
    breakIt: () => replace(BlockLog.prototype, 'setAside', () => function (this: BlockLog) {}),
  },
  {
    name: 'keeps what was tried again',
    breakIt: () => replace(ScheduledMessages.prototype, 'settle', () => function (this: ScheduledMessages) {}),
  },
]
