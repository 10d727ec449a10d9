/** What befalls very many calls at once takes several turns of the event loop, and each call has its one outcome. */

import { NEVER } from 'rxjs'
import t from 'tap'
import { serviceOf } from '../../src/avro/service-codec.js'
import { defaultCallOptions, type ResolvedCallOptions } from '../../src/call/call-options.js'
import { CallClient } from '../../src/call/client.js'
import { GuaranteedSends } from '../../src/call/guaranteed-sends.js'
import { CallHost } from '../../src/call/host.js'
import type { CallHandler } from '../../src/call/served-service.js'
import { systemClock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import type { SessionStreams } from '../../src/session/session-streams.js'
import { turn, until } from '../support/events.js'
import { FakePair } from '../support/fake-pair.js'
import { Turns } from '../support/turns.js'
import { Numbers } from './calling.js'

const count = 400
/** How long one call keeps the thread busy when something befalls it, in milliseconds. */
const workMs = 0.5
/** How many of them one turn may take: some pieces more than its budget until that has noticed how slow they are. */
const mostInTurn = 128

const codec = serviceOf(Numbers)

/** A client and a server on the clock of the system, since turns take time. */
class Many {
  readonly turns = new Turns()
  readonly outcomes: (string | number)[] = []
  readonly client = new CallClient({ clock: systemClock, failoverMs: 1, name: () => 'client', report: () => {} })
  readonly service = this.client.bind(codec)
  stopped = 0
  readonly host = this.server(() => NEVER)

  /** A server whose handlers do something, and are busy when they are stopped. */
  server(handle: CallHandler): CallHost {
    const handler: CallHandler = (request, context) => {
      context.signal.addEventListener('abort', () => {
        this.stopped += 1
        this.turns.work(workMs)
      })
      return handle(request, context)
    }
    return new CallHost(
      [{ codec, handlers: new Map([['look', handler]]) }],
      { clock: systemClock, report: () => {} },
      { maxOpenCallsPerPeer: 2 * count },
    )
  }

  connect(host = this.host, live = true): FakePair {
    const pair = new FakePair({ live })
    pair.acceptor.handler = host.accept(pair.acceptor, { id: 'somebody', identity: undefined, dialed: undefined })
    pair.dialer.handler = this.client.accept(pair.dialer)
    pair.pump()
    return pair
  }

  /** Starts calls whose outcomes, or whose requests when they are written again, keep the thread busy. */
  start(busy: 'outcome' | 'request' | 'nothing', options: Partial<ResolvedCallOptions> = {}): void {
    const method = this.service.methods.get('look')
    if (method === undefined) throw new Error('no method')
    for (let call = 0; call < count; call++) {
      const work = () => this.turns.work(workMs)
      const request = {
        get n() {
          if (busy === 'request' && method !== undefined) work()
          return call
        },
      }
      const note = (outcome: unknown) => {
        this.outcomes.push(outcome instanceof RivuletError ? outcome.code : Number(outcome))
        if (busy === 'outcome') work()
      }
      this.client.start(method, request, { ...defaultCallOptions, timeoutMs: 60_000, ...options }, note, note)
    }
  }
}

/** Every call has ended with a code. */
const all = (code: string): string[] => new Array(count).fill(code)

t.test('the end of a session with many calls, at the client', async (t) => {
  const many = new Many()
  const pair = many.connect()
  many.start('outcome', { idempotent: false })
  pair.pump()
  await turn()
  pair.end()
  await until(() => many.outcomes.length === count)
  t.strictSame(many.outcomes, all('RIVULET_UNKNOWN_OUTCOME'))
  t.match(many.client.stats(), { started: count, failed: count, open: 0, waiting: 0 })
  t.ok(many.turns.most <= mostInTurn, `${many.turns.most} of them in one turn`)
  many.turns.stop()
})

t.test('calls that had not left a session that ends: nobody has run them, also those of later turns', async (t) => {
  const many = new Many()
  const pair = many.connect()
  pair.dialer.blocked = true
  many.start('outcome', { waitForReady: false })
  await turn()
  pair.end()
  await until(() => many.outcomes.length === count)
  t.strictSame(many.outcomes, all('RIVULET_UNAVAILABLE'))
  many.turns.stop()
})

t.test('a client that was closed meanwhile', async (t) => {
  const many = new Many()
  const pair = many.connect()
  many.start('outcome', { idempotent: false })
  many.start('outcome', { idempotent: true })
  pair.pump()
  await turn()
  const drained = many.client.drain()
  pair.end()
  t.match(many.client.stats(), { waiting: 0 }, 'the repeatable ones are still to come')
  await many.client.stopAll(new RivuletError('RIVULET_CLOSED', 'closed'))
  await drained
  t.strictSame(many.outcomes, [...all('RIVULET_UNKNOWN_OUTCOME'), ...all('RIVULET_CLOSED')])
  t.match(many.client.stats(), { failed: 2 * count, open: 0, waiting: 0 })
  many.turns.stop()
})

t.test('a client that ends all calls resolves when all have ended', async (t) => {
  const many = new Many()
  const pair = many.connect()
  many.start('outcome')
  pair.pump()
  await turn()
  many.turns.reset()
  const drained = many.client.drain()
  await many.client.stopAll(new RivuletError('RIVULET_CLOSED', 'closed'))
  t.strictSame(many.outcomes, all('RIVULET_CLOSED'))
  await drained
  t.match(many.client.stats(), { started: count, failed: count, open: 0, waiting: 0 })
  t.ok(many.turns.most <= mostInTurn, `${many.turns.most} of them in one turn`)
  many.turns.stop()
})

t.test('the end of a session with many calls, at the server', async (t) => {
  const many = new Many()
  const pair = many.connect()
  many.start('nothing')
  pair.pump()
  await turn()
  pair.end()
  const drained = many.host.drain()
  await drained
  t.equal(many.stopped, count, 'a server has drained when all handlers were stopped')
  t.match(many.host.stats(), { started: count, cancelled: count, open: 0, sessions: 0 })
  t.ok(many.turns.most <= mostInTurn, `${many.turns.most} of them in one turn`)
  many.turns.stop()
})

t.test('a server that stops all calls resolves when all are stopped', async (t) => {
  const many = new Many()
  const pair = many.connect()
  many.start('nothing')
  pair.pump()
  await turn()
  await many.host.stopAll(new RivuletError('RIVULET_CLOSED', 'closed'))
  t.equal(many.stopped, count)
  t.ok(many.turns.most <= mostInTurn, `${many.turns.most} of them in one turn`)
  many.turns.stop()
})

t.test('many deadlines at once, at the server', async (t) => {
  const many = new Many()
  const pair = many.connect()
  // the calls have to reach the server before, however busy the machine is
  many.start('nothing', { timeoutMs: 1000 })
  pair.pump()
  await until(() => many.stopped === count)
  t.match(many.host.stats(), { cancelled: count, open: 0 })
  t.ok(many.turns.most <= mostInTurn, `${many.turns.most} of them in one turn`)
  many.turns.stop()
})

t.test('many deadlines at once, at the client', async (t) => {
  const many = new Many()
  many.start('outcome', { timeoutMs: 50 })
  await until(() => many.outcomes.length === count)
  t.strictSame(many.outcomes, all('RIVULET_DEADLINE_EXCEEDED'))
  t.ok(many.turns.most <= mostInTurn, `${many.turns.most} of them in one turn`)
  many.turns.stop()
})

t.test('many calls that wait for a server', async (t) => {
  const many = new Many()
  many.start('request')
  await turn()
  const pair = many.connect(many.server((request) => (request as { n: number }).n))
  await until(() => {
    pair.pump()
    return many.outcomes.length === count
  })
  t.strictSame(
    many.outcomes,
    Array.from({ length: count }, (_, n) => n),
    'each is sent once, in order',
  )
  t.ok(many.turns.most <= mostInTurn, `${many.turns.most} of them in one turn`)
  many.turns.stop()
})

t.test('many calls of a link without a connection that another server takes', async (t) => {
  const many = new Many()
  const first = many.connect()
  many.start('request')
  first.pump()
  const second = many.connect(many.server((request) => (request as { n: number }).n))
  await turn()
  many.turns.reset()
  first.cut()
  await until(() => {
    second.pump()
    return many.outcomes.length === count
  })
  t.strictSame(
    [...many.outcomes].sort((a, b) => Number(a) - Number(b)),
    Array.from({ length: count }, (_, n) => n),
  )
  t.ok(many.turns.most <= mostInTurn, `${many.turns.most} of them in one turn`)
  many.turns.stop()
})

t.test('many outcomes that had no room', async (t) => {
  const turns = new Turns()
  const sent: number[] = []
  let hasRoom = false
  const streams = {
    send: (stream: number) => {
      if (!hasRoom) throw new RivuletError('RIVULET_OUTBOX_FULL', 'full')
      turns.work(workMs)
      sent.push(stream)
    },
    isWritable: () => hasRoom,
  }
  const guaranteed = new GuaranteedSends(streams as Partial<SessionStreams> as SessionStreams)
  const stream = Array.from({ length: count }, (_, index) => index + 1)
  for (const one of stream) guaranteed.send(one, 16, 0, { writeBody: (_bytes, _view, position) => position })
  hasRoom = true
  await turn()
  guaranteed.retry()
  await until(() => {
    guaranteed.retry() // room is reported again and again
    return guaranteed.size === 0
  })
  t.strictSame(sent, stream, 'each once, in order')
  t.ok(turns.most <= mostInTurn, `${turns.most} of them in one turn`)
  turns.stop()
})
