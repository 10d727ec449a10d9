/** What refusals at one endpoint come to: a code for each, when the next try is, and which server key it has. */
import t from 'tap'
import type { RivuletError } from '../../src/errors/index.js'
import { Refusals } from '../../src/socket/refusals.js'
import { turn } from '../support/events.js'
import { VirtualClock } from '../support/virtual-clock.js'

const endpoint = 'tcp://server:1'
const [first, second, third] = ['a', 'b', 'c'].map((letter) => letter.repeat(40)) as [string, string, string]

/** The refusals of an endpoint whose connections a test makes. */
class Endpoint {
  readonly clock = new VirtualClock()
  /** What happened: `up <key>` for each try, `down` for each that was given up, codes of what was reported. */
  readonly log: string[] = []
  /** Who answers when it is asked. */
  mechanism: string | undefined
  questions = 0
  readonly refusals: Refusals

  constructor(...serverKeys: string[]) {
    this.refusals = new Refusals(serverKeys, {
      clock: this.clock,
      endpoint,
      giveUp: () => void this.log.push('down'),
      connect: () => void this.log.push(`up ${this.refusals.serverKey?.[0] ?? ''}`.trimEnd()),
      mechanism: async () => {
        this.questions += 1
        return this.mechanism
      },
      refused: (cause: RivuletError | undefined) => void this.log.push(cause?.code ?? 'counted'),
    })
  }

  /** A connection that the server ends in this way; returns what the event counts for. */
  end(type: string, error: object): string {
    this.refusals.event('connect', undefined)
    return this.refusals.event(`handshake:error:${type}`, Object.assign(new Error('refused'), error))
  }

  silently(): string {
    return this.end('other', { code: 'EPIPE' })
  }

  /** What happened since the last look. */
  take(): string[] {
    return this.log.splice(0)
  }

  /** How long it takes until the next try, in milliseconds. */
  waitMs(): number {
    for (let waited = 0; waited < 100_000; waited += 10) {
      if (this.log.some((entry) => entry.startsWith('up'))) return waited
      this.clock.advance(10)
    }
    return Number.POSITIVE_INFINITY
  }
}

const refusals: [name: string, type: string, error: object, code: string][] = [
  ['an unknown key', 'auth', { status: 400 }, 'RIVULET_UNAUTHENTICATED'],
  ['no decision', 'auth', { status: 500 }, 'RIVULET_ADMISSION_UNAVAILABLE'],
  ['another mechanism', 'protocol', { code: 'ERR_ZMTP_MECHANISM_MISMATCH' }, 'RIVULET_SECURITY_MISMATCH'],
]

for (const [name, type, error, code] of refusals) {
  t.test(`${name}: reported, given up, and tried again after 1 s, 2 s and so on up to 30 s`, async (t) => {
    const one = new Endpoint(first)
    for (const waitMs of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      t.equal(one.end(type, error), 'drop')
      t.strictSame(one.take(), [code, 'down'])
      t.ok(one.refusals.isParked)
      t.equal(one.end(type, error), 'drop', 'late events of the former connection count for nothing')
      t.strictSame(one.take(), [])
      t.equal(one.waitMs(), waitMs)
      t.strictSame(one.take(), ['up a'])
    }
    one.refusals.event('connect', undefined)
    t.equal(one.refusals.event('handshake', undefined), 'count')
    one.end(type, error)
    one.take()
    t.equal(one.waitMs(), 1000, 'once there was a link the waits begin again')
    one.refusals.close()
    t.equal(one.clock.timers, 0)
  })
}

t.test('a server that ends two handshakes without a word and speaks CURVE has another key', async (t) => {
  const one = new Endpoint(first)
  one.mechanism = 'CURVE'
  t.equal(one.silently(), 'drop')
  t.strictSame(one.take(), ['down'], 'one may be that of a process which was ended')
  t.equal(one.waitMs(), 10)
  t.equal(one.questions, 0)
  one.silently()
  await turn()
  t.strictSame(one.take(), ['up a', 'down', 'RIVULET_SERVER_KEY_MISMATCH', 'RIVULET_SERVER_KEY_MISMATCH'])
  t.equal(one.waitMs(), 1000)
})

t.test('each of several keys is tried once, at once', async (t) => {
  const one = new Endpoint(first, second, third)
  one.mechanism = 'CURVE'
  for (const next of ['b', 'c']) {
    one.silently()
    t.equal(one.waitMs(), 10)
    t.strictSame(one.take(), ['down', `up ${next}`])
  }
  one.silently()
  await turn()
  t.strictSame(one.take(), ['down', ...Array(3).fill('RIVULET_SERVER_KEY_MISMATCH')])
  t.equal(one.waitMs(), 1000)
  t.strictSame(one.take(), ['up a'])
})

t.test(
  'a server key that was replaced is counted, and no failure; the next connection uses the present one',
  async (t) => {
    const one = new Endpoint(first, second)
    one.silently()
    one.waitMs()
    one.refusals.event('connect', undefined)
    one.refusals.event('handshake', undefined)
    t.strictSame(one.take(), ['down', 'up b', 'counted'])
    t.equal(one.refusals.serverKey, second)
    t.equal(one.questions, 0)
  },
)

t.test('a server that leaves in the middle of a handshake is not taken for one with another key', async (t) => {
  const gone = new Endpoint(first)
  gone.silently()
  gone.waitMs()
  gone.refusals.event('connect:retry', undefined)
  t.strictSame(gone.take(), ['down', 'up a', 'RIVULET_HANDSHAKE_FAILED'], 'nobody is there any more')
  const proxied = new Endpoint(first)
  proxied.silently()
  proxied.waitMs()
  proxied.silently()
  await turn()
  t.strictSame(proxied.take(), ['down', 'up a', 'down', 'RIVULET_HANDSHAKE_FAILED', 'RIVULET_HANDSHAKE_FAILED'])
  t.equal(proxied.waitMs(), 100, 'one that accepts and does not speak ZMTP may have a server behind it soon')
  const back = new Endpoint(first)
  back.silently()
  back.waitMs()
  back.refusals.event('connect', undefined)
  back.refusals.event('handshake', undefined)
  t.strictSame(back.take(), ['down', 'up a', 'RIVULET_HANDSHAKE_FAILED'], 'it is back')
})

t.test('without security: who ends two handshakes without a word is asked, and asked once', async (t) => {
  const secured = new Endpoint()
  secured.mechanism = 'CURVE'
  t.equal(secured.silently(), 'refused')
  t.strictSame(secured.take(), [], 'the library tries again')
  secured.silently()
  await turn()
  t.strictSame(secured.take(), ['RIVULET_SECURITY_MISMATCH', 'RIVULET_SECURITY_MISMATCH', 'down'])
  t.equal(secured.waitMs(), 1000)
  const plain = new Endpoint()
  plain.mechanism = 'NULL'
  for (let tries = 0; tries < 2; tries++) plain.silently()
  await turn()
  t.strictSame(plain.take(), ['RIVULET_HANDSHAKE_FAILED', 'RIVULET_HANDSHAKE_FAILED'])
  for (let tries = 0; tries < 10; tries++) t.equal(plain.silently(), 'count', 'as ever')
  t.equal(plain.questions, 1)
  t.equal(plain.end('auth', { status: 400 }), 'count', 'a server without descriptors')
})

t.test('an answer that is outdated when it comes decides nothing', async (t) => {
  const one = new Endpoint()
  one.mechanism = 'CURVE'
  one.silently()
  one.silently()
  one.refusals.event('connect', undefined)
  one.refusals.event('handshake', undefined)
  await turn()
  t.strictSame(one.take(), ['RIVULET_HANDSHAKE_FAILED', 'RIVULET_HANDSHAKE_FAILED'])
  const closed = new Endpoint(first)
  closed.mechanism = 'CURVE'
  closed.silently()
  closed.waitMs()
  closed.silently()
  closed.refusals.close()
  await turn()
  t.strictSame(closed.take(), ['down', 'up a', 'down'])
  t.equal(closed.clock.timers, 0)
})
