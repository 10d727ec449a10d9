/**
 * Producers, consumers and hosts that are broken on purpose, each in one way: a simulation that does not find them is worth
 * nothing.
 *
 * A method of a class of the package is replaced for the time of a run.
 */
import { ConsumeSession } from '../../patterns/queue/durable/consume-session.js'
import type { ProduceAnswer, ProduceRequest } from '../../patterns/queue/durable/wire.js'
import { ReopeningStream } from '../../src/conversation/index.js'
import { HeldLease } from '../../src/delivery/held-lease.js'
import { Prefetch } from '../../src/delivery/prefetch.js'
import { Settlements } from '../../src/delivery/settlements.js'
import type { Extras } from '../../src/reliable-send/protocol.js'
import { SendOutbox } from '../../src/reliable-send/send-outbox.js'
import { Gathered, SentBatch } from '../../src/reliable-send/sent-batch.js'
import { Withdrawals } from '../../src/reliable-send/withdrawals.js'
import { all, replace } from './broken-machines.js'
import { ObservedEngine } from './observed-engine.js'
import type { BrokenPart } from './queue-broken-engines.js'

type AnyOutbox = SendOutbox<unknown, ProducerOpen, Extras>
type ProducerOpen = NonNullable<ProduceRequest['open']>

/** What a subclass of a host stream sees. */
interface Reopening {
  readonly user: { down(): void }
  ended(cause: unknown): void
}

/** All that is broken outside of the engine. */
export const brokenClients: readonly BrokenPart[] = [
  {
    name: 'as a producer takes what was in transit at a cut for stored',
    breakIt() {
      const inTransit = new WeakMap<AnyOutbox, Set<number>>()
      const numbersOf = (outbox: AnyOutbox) => inTransit.get(outbox) ?? new Set<number>()
      return all(
        replace(SendOutbox.prototype, 'take', (take) => {
          return function (this: AnyOutbox): ProduceRequest | undefined {
            const request = take.call(this)
            if (request?.batch) inTransit.set(this, numbersOf(this).add(request.batch.number))
            return request
          }
        }),
        replace(SendOutbox.prototype, 'down', (down) => {
          return function (this: AnyOutbox) {
            const stored = [...numbersOf(this)].map((number) => ({ number, position: 0 }))
            inTransit.delete(this)
            this.answer({ stored } as ProduceAnswer)
            down.call(this)
          }
        }),
      )
    },
  },
  {
    name: 'as a producer gives up a batch at a cut, and tells nobody',
    breakIt: () =>
      all(
        replace(SentBatch.prototype, 'fail', () => () => 0),
        replace(SendOutbox.prototype, 'down', (down) => {
          return function (this: AnyOutbox) {
            down.call(this)
            this.failAll((() => undefined) as never)
          }
        }),
      ),
  },
  {
    name: 'as a producer lets two sends of one turn share their options',
    breakIt: () =>
      replace(Gathered.prototype, 'add', (add) => {
        return function (this: Gathered<Extras>, owner) {
          const before = this.extras?.at(-1)
          const cost = add.call(this, owner)
          const index = this.owners.length - 1
          if (before !== undefined && this.extras?.at(-1) === before) this.extras.push({ ...before, index })
          return cost
        }
      }),
  },
  {
    name: 'as a producer has another name after a cut',
    breakIt() {
      let names = 0
      return replace(SendOutbox.prototype, 'open', (open) => {
        return function (this: AnyOutbox): ProduceRequest {
          const request = open.call(this)
          return { open: { queue: request.open?.queue ?? '', producer: `${request.open?.producer}${++names}` } }
        }
      })
    },
  },
  {
    name: 'as a producer takes back messages that have left',
    from: 28,
    breakIt: () =>
      replace(Withdrawals.prototype, 'add', (add) => {
        return function (this: Withdrawals<Extras>, owner) {
          add.call(this, owner)
          return true
        }
      }),
  },
  {
    name: 'as a producer sends what was taken back',
    breakIt: () => replace(Withdrawals.prototype, 'apply', () => () => false),
  },
  {
    name: 'as a producer confirms the first message of a batch alone',
    breakIt: () =>
      replace(SentBatch.prototype, 'confirm', (confirm) => {
        return function (this: SentBatch<Extras>, from, end, position, duplicates) {
          confirm.call(this, from, Math.min(end, 1), position, duplicates)
        }
      }),
  },
  {
    name: 'as a host stream does not open again',
    breakIt: () =>
      replace(ReopeningStream.prototype as unknown as Reopening, 'ended', () => {
        return function (this: Reopening) {
          this.user.down()
        }
      }),
  },
  {
    name: 'as a consumer forgets what it has settled at a cut',
    from: 23,
    breakIt: () => replace(Settlements.prototype, 'down', () => function (this: Settlements) {}),
  },
  {
    name: 'as a consumer forgets that a cut ends what it was granted',
    breakIt: () => replace(Prefetch.prototype, 'down', () => function (this: Prefetch<unknown, unknown>) {}),
  },
  {
    name: 'as a consumer grants twice',
    breakIt: () =>
      replace(Prefetch.prototype, 'take', (take) => {
        return function (this: Prefetch<unknown, unknown>) {
          const request = take.call(this)
          return request && { ...request, credit: 2 * (request.credit ?? 0) }
        }
      }),
  },
  {
    name: 'as a consumer confirms a settlement when it is said',
    breakIt: () =>
      replace(Settlements.prototype, 'send', (send) => {
        return function (this: Settlements, ranges, extended, now) {
          const request = send.call(this, ranges, extended, now)
          for (const { confirmation } of request.sent) confirmation.confirm()
          return request
        }
      }),
  },
  {
    name: 'as a consumer takes stale settlements for good ones',
    breakIt: () =>
      replace(Settlements.prototype, 'answered', (answered) => {
        return function (this: Settlements, number, outcomes, done) {
          answered.call(
            this,
            number,
            outcomes.map((one) => ({ ...one, stale: 0 })),
            done,
          )
        }
      }),
  },
  {
    name: 'as a consumer acknowledges the message behind those that it was told to',
    breakIt: () =>
      replace(HeldLease.prototype, 'collect', (collect) => {
        return function (this: HeldLease<unknown>) {
          return collect.call(this).map((one) => {
            const { kind, index, count } = one.range
            const isMore = kind === 'ack' && index + count < this.open
            return isMore ? { ...one, range: { ...one.range, count: count + 1 } } : one
          })
        }
      }),
  },
  {
    name: 'as a consumer hands out a message twice',
    breakIt() {
      const taken = new WeakMap<HeldLease<unknown>, unknown>()
      return replace(HeldLease.prototype, 'take', (take) => {
        return function (this: HeldLease<unknown>) {
          const value = take.call(this)
          const first = taken.get(this) ?? value
          taken.set(this, first)
          return first as typeof value
        }
      })
    },
  },
  {
    name: 'as a host confirms a batch before the engine has stored it',
    breakIt: () =>
      replace(ObservedEngine.prototype, 'send', (send) => {
        return function (this: ObservedEngine, queue, producer, sequence, block, schema, done) {
          const { count } = block
          send.call(this, queue, producer, sequence, block, schema, () => {})
          queueMicrotask(() => done({ kind: 'stored', repeated: count, position: 0, duplicates: [] }))
        }
      }),
  },
  {
    name: 'as a host gives a consumer no more after it was suspended',
    breakIt: () => replace(ConsumeSession.prototype, 'resume', () => function (this: ConsumeSession) {}),
  },
]
