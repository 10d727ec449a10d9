/**
 * What every session promises, whoever made it: `contract.test.ts` holds real sessions and the tests' fakes of them to the
 * same answers.
 */
import type { Test } from 'tap'
import { firstPatternKind, firstUrgentKind, itemFlag, type SessionStreams } from '../../src/session/index.js'
import { bodyOf, type Listener } from './link-pair.js'

/** Two ends of a session that can be cut and ended. */
export interface SessionPair {
  /** The end that dialed, and the one that accepted. */
  readonly near: SessionStreams
  readonly far: SessionStreams
  readonly nearListener: Listener
  readonly farListener: Listener
  /** Lets everything leave and arrive. */
  settle(): void
  cut(): void
  resume(): void
  end(): void
}

/** How a pair is made. */
export interface PairLimits {
  /** Credit of a stream, in bytes. */
  readonly streamWindowBytes: number
  /** What may wait at one end, in bytes. */
  readonly outboxBytes: number
}

/** Makes pairs of one kind. */
export type MakePair = (limits: PairLimits) => SessionPair

const kind = firstPatternKind
const { last } = itemFlag

/** Declares the tests of the contract. */
export function testSessions(t: Test, name: string, make: MakePair): void {
  const pairOf = (limits: Partial<PairLimits> = {}) =>
    make({ streamWindowBytes: 131_072, outboxBytes: 1_000_000, ...limits })

  t.test(`${name}: streams have numbers of their side's sign`, async (t) => {
    const { near, far } = pairOf()
    t.strictSame([near.sign, near.openStream(), near.openStream()], [1, 1, 2])
    t.strictSame([far.sign, far.openStream(), far.openStream()], [-1, -1, -2])
  })

  t.test(`${name}: items arrive whole, once and in order, each way`, async (t) => {
    const { near, far, nearListener, farListener, settle } = pairOf()
    const bodies = ['a', '', 'b'.repeat(5000), 'c']
    for (const body of bodies) near.send(1, kind + 3, itemFlag.critical, bodyOf(body))
    near.send(1, kind, last, bodyOf('end'))
    far.send(-1, kind, last, bodyOf('back'))
    settle()
    t.strictSame(farListener.texts, [...bodies, 'end'])
    t.strictSame(
      farListener.items.map(({ stream, kind, flags }) => [stream, kind, flags]),
      [...bodies.map(() => [1, kind + 3, itemFlag.critical]), [1, kind, last]],
    )
    t.strictSame(nearListener.texts, ['back'])
    t.ok(near.settled && far.settled)
  })

  t.test(`${name}: a stream without credit waits, and is told when it may send`, async (t) => {
    const { near, far, nearListener, farListener, settle } = pairOf({ streamWindowBytes: 1000 })
    t.ok(near.isWritable(1))
    near.send(1, kind, 0, bodyOf(Buffer.alloc(1000)))
    settle()
    t.notOk(near.isWritable(1))
    near.send(1, kind, 0, bodyOf('waits'))
    near.send(2, kind, last, bodyOf('has credit of its own'))
    settle()
    t.strictSame(farListener.texts.slice(1), ['has credit of its own'])
    t.strictSame(nearListener.writable, [])
    far.consumed(1, 1000)
    settle()
    t.strictSame(farListener.texts.at(-1), 'waits')
    t.strictSame(nearListener.writable, [1])
    settle()
    t.equal(nearListener.writable.length, 1, 'once')
  })

  t.test(`${name}: urgent items pass those that wait, and need no credit`, async (t) => {
    const { near, farListener, settle } = pairOf({ streamWindowBytes: 10 })
    near.send(1, kind, 0, bodyOf('x'.repeat(10)))
    near.send(1, kind, 0, bodyOf('waits'))
    near.send(1, firstUrgentKind, 0, bodyOf('urgent'))
    settle()
    t.strictSame(farListener.texts.slice(1), ['urgent'])
  })

  t.test(`${name}: stream 0 has its credit back at once`, async (t) => {
    const { near, farListener, settle } = pairOf({ streamWindowBytes: 100 })
    for (let count = 0; count < 20; count++) {
      near.send(0, kind, 0, bodyOf(Buffer.alloc(90)))
      settle()
    }
    t.equal(farListener.items.length, 20)
  })

  t.test(`${name}: a full outbox refuses, and tells when there is room`, async (t) => {
    const { near, far, nearListener, farListener, settle } = pairOf({ streamWindowBytes: 10, outboxBytes: 1000 })
    near.send(1, kind, 0, bodyOf(Buffer.alloc(10)))
    settle()
    let sent = 0
    const send = () => {
      near.send(1, kind, 0, bodyOf(Buffer.alloc(400)))
      sent += 1
    }
    t.throws(
      () => {
        while (sent < 100) send()
      },
      { code: 'RIVULET_OUTBOX_FULL' },
    )
    t.ok(sent > 0)
    t.strictSame(nearListener.writable, [])
    near.isWritable(1)
    for (let at = 0; at <= sent; at++) {
      far.consumed(1, at === 0 ? 10 : 400)
      settle()
    }
    t.equal(farListener.items.length, 1 + sent)
    t.strictSame(nearListener.writable, [1])
  })

  t.test(`${name}: what has not left is known, and can be forgotten`, async (t) => {
    const { near, farListener, settle, cut, resume } = pairOf()
    cut()
    near.send(1, kind, 0, bodyOf('forgotten'))
    near.send(2, kind, last, bodyOf('kept'))
    t.strictSame([near.isUnsent(1), near.isUnsent(2), near.isUnsent(3)], [true, true, false])
    near.forget(1)
    t.notOk(near.isUnsent(1))
    resume()
    settle()
    t.strictSame(farListener.texts, ['kept'])
    t.notOk(near.isUnsent(2))
  })

  t.test(`${name}: a cut shows as nothing but time`, async (t) => {
    const { near, far, nearListener, farListener, settle, cut, resume } = pairOf()
    near.send(1, kind, 0, bodyOf('before'))
    settle()
    cut()
    t.strictSame([near.status, far.status], ['cut', 'cut'])
    t.notOk(near.isWritable(1))
    near.send(1, kind, 0, bodyOf('during'))
    far.send(-1, kind, last, bodyOf('back'))
    t.notOk(near.settled)
    resume()
    settle()
    t.strictSame([near.status, far.status], ['live', 'live'])
    t.strictSame(farListener.texts, ['before', 'during'])
    t.strictSame(nearListener.texts, ['back'])
    t.ok(nearListener.writable.includes(1))
    t.ok(near.settled)
    t.strictSame(nearListener.statuses.slice(-2), ['cut', 'live'])
  })

  t.test(`${name}: after the end nothing is sent, and nothing is owed`, async (t) => {
    const { near, nearListener, farListener, settle, end } = pairOf()
    end()
    t.throws(() => near.send(1, kind, 0, bodyOf('late')), { code: 'RIVULET_CLOSED' })
    t.throws(() => near.send(1, firstUrgentKind, 0, bodyOf('late')), { code: 'RIVULET_CLOSED' })
    settle()
    t.strictSame(farListener.items, [])
    t.strictSame([near.isWritable(1), near.isUnsent(1), near.settled], [false, false, true])
    near.consumed(1, 10)
    near.forget(1)
    t.equal(nearListener.statuses.at(-1), 'ended')
    t.equal(nearListener.statuses.filter((status) => status === 'ended').length, 1)
  })

  t.test(`${name}: a time means the same at both ends`, async (t) => {
    const { near, far, farListener, settle } = pairOf()
    let there: number | undefined
    let isNow = false
    farListener.listen = () => {
      isNow = far.takenAt === far.receivedAt
      there = far.fromSessionTime(Number(farListener.texts[0]))
    }
    const time = near.receivedAt + 250 // the tests have one clock for both ends
    near.send(1, kind, last, bodyOf(String(near.toSessionTime(time))))
    settle()
    t.ok(Math.abs((there ?? 0) - time) <= 2, `${there}`)
    t.ok(isNow, 'items are taken when they come')
  })
}
