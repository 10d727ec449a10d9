/** The ZAP handler: whom it admits by domain, mechanism and guard, its bounds, and that it is never away while it is needed. */
import { Subject } from 'rxjs'
import t, { type Test } from 'tap'
import { generateKeyPair, type ObservedEvent, type SecurityGuard, z85Decode } from '../../src/security/index.js'
import type { NativeSocket } from '../../src/socket/native.js'
import { type Gate, ZapHandler } from '../../src/socket/zap-handler.js'
import { turn } from '../support/events.js'
import { VirtualClock } from '../support/virtual-clock.js'

type Decision = Awaited<ReturnType<SecurityGuard['decide']>>

const alice = { name: 'alice', publicKey: generateKeyPair().publicKey }
const other = generateKeyPair().publicKey
const unknown = { admitted: false, reason: 'unknown-key' } as const

/** A guard that knows one key, until it is revoked. */
class OneKey {
  readonly events: string[] = []
  readonly revoked = new Subject<string>()
  isAdmitted = true
  /** Answers of `decide` that are still to come, if it is slow. */
  waiting: ((decision: Decision) => void)[] | undefined

  decide(publicKey: string): Decision | Promise<Decision> {
    if (this.waiting) return new Promise((resolve) => this.waiting?.push(resolve))
    return this.isAdmitted && publicKey === alice.publicKey ? { admitted: true, identity: alice } : unknown
  }

  identityOf(publicKey: string) {
    return this.isAdmitted && publicKey === alice.publicKey ? alice : undefined
  }

  note({ kind, reason }: ObservedEvent): void {
    this.events.push(`${kind} ${reason}`)
  }

  get asGuard(): SecurityGuard {
    return this as unknown as SecurityGuard
  }
}

/** A handler whose sockets a test makes. */
class Handled {
  readonly clock = new VirtualClock()
  readonly guard = new OneKey()
  isRefusing = false
  /** Whether no socket can be made. */
  hasNone = false
  readonly made: { closed: boolean; unbound: boolean; fail(): void; ask(parts: Buffer[]): void }[] = []
  readonly #answers: string[] = []
  readonly handler = new ZapHandler({
    clock: this.clock,
    isRefusing: () => this.isRefusing,
    bindAuthenticator: () => this.#make(),
    checked: () => {},
  })

  constructor(t: Test) {
    t.teardown(() => this.handler.close())
  }

  /** The answer to a handshake: its status; nothing while there is none. */
  async ask(domain: string, key = alice.publicKey, mechanism = 'CURVE'): Promise<string | undefined> {
    const texts = ['peer', '', '1.0', '1', domain, '127.0.0.1', '', mechanism]
    const credentials = mechanism === 'NULL' || key === '' ? [] : [z85Decode(key) as Buffer]
    this.made.at(-1)?.ask([...texts.map((text) => Buffer.from(text)), ...credentials])
    await turn()
    return this.answer()
  }

  answer(): string | undefined {
    return this.#answers.shift()
  }

  #make(): NativeSocket {
    if (this.hasNone) throw new Error('no socket')
    let asked: ((parts: Buffer[]) => void) | undefined
    let failed: ((error: Error) => void) | undefined
    const socket = {
      closed: false,
      unbound: false,
      readable: true,
      receive: () =>
        new Promise<Buffer[]>((resolve, reject) => {
          asked = resolve
          failed = reject
        }),
      send: async (parts: Buffer[]) => void this.#answers.push(String(parts[4])),
      disconnect: () => {
        socket.unbound = true
      },
      close: () => {
        socket.closed = true
      },
      ask: (parts: Buffer[]) => asked?.(parts),
      fail: () => failed?.(new Error('broken')),
    }
    this.made.push(socket)
    return socket as unknown as NativeSocket
  }
}

t.test('a guard decides for its domain, and for no other', async (t) => {
  const handled = new Handled(t)
  handled.handler.secure('rivulet.secured.1', handled.guard.asGuard, undefined)
  t.equal(handled.made.length, 1, 'the handler is bound before the socket is')
  t.equal(await handled.ask('rivulet.secured.1'), '200')
  t.equal(await handled.ask('rivulet.secured.1', other), '400')
  t.equal(await handled.ask('rivulet.secured.2'), '500', 'no such domain')
  t.equal(await handled.ask('rivulet.bound'), '500', 'CURVE where nothing is secured')
  t.equal(await handled.ask('rivulet.secured.1', '', 'NULL'), '400', 'another mechanism')
  t.equal(await handled.ask('rivulet.secured.2', '', 'NULL'), '500')
  t.equal(await handled.ask('rivulet.secured.1', ''), '500', 'without a key')
  t.equal(await handled.ask('somewhere', '', 'NULL'), '500', 'a domain that is none of ours')
  t.equal(await handled.ask('rivulet.bound', '', 'NULL'), '200', 'sockets without security are as before')
  t.equal(await handled.ask('rivulet', '', 'NULL'), '200')
  t.strictSame(handled.guard.events, ['admitted key', 'refused unknown-key'])
})

t.test('a closed domain admits nobody', async (t) => {
  const handled = new Handled(t)
  const first = handled.handler.secure('rivulet.secured.1', handled.guard.asGuard, undefined)
  handled.handler.secure('rivulet.secured.2', handled.guard.asGuard, undefined)
  first.close()
  t.equal(await handled.ask('rivulet.secured.1'), '500')
  t.equal(await handled.ask('rivulet.secured.2'), '200')
})

t.test('with too few descriptors a secured peer is asked to come later, whatever its key', async (t) => {
  const handled = new Handled(t)
  handled.handler.secure('rivulet.secured.1', handled.guard.asGuard, undefined)
  handled.isRefusing = true
  t.equal(await handled.ask('rivulet.secured.1'), '500')
  t.equal(await handled.ask('rivulet.bound', '', 'NULL'), '400')
  t.strictSame(handled.guard.events, ['limit descriptors'])
})

t.test('a slow decision is waited for in bounded time and number', async (t) => {
  const handled = new Handled(t)
  const { guard, clock } = handled
  handled.handler.secure('rivulet.secured.1', guard.asGuard, undefined)
  guard.waiting = []
  t.equal(await handled.ask('rivulet.secured.1'), undefined)
  guard.waiting[0]?.({ admitted: true, identity: alice })
  await turn()
  t.equal(handled.answer(), '200')
  t.equal(await handled.ask('rivulet.secured.1'), undefined)
  clock.advance(1000)
  t.equal(handled.answer(), '500', 'within a second')
  guard.waiting[1]?.({ admitted: true, identity: alice })
  await turn()
  t.equal(handled.answer(), undefined, 'and it has no second answer')
  const answers = new Set<unknown>()
  for (let one = 0; one < 1024; one++) answers.add(await handled.ask('rivulet.secured.1'))
  t.strictSame([...answers], [undefined])
  t.equal(await handled.ask('rivulet.secured.1'), '500')
  t.equal(guard.events.at(-1), 'limit decisions')
})

t.test('a key that is revoked before its answer is refused: after a slow decision, and behind a gate', async (t) => {
  const handled = new Handled(t)
  const { guard, handler } = handled
  const held: (() => void)[] = []
  const gate: Gate = (admit) => void held.push(admit)
  handler.setGate('rivulet.bound.7', gate)
  const secured = handler.secure('rivulet.secured.1', guard.asGuard, 'rivulet.bound.7')
  t.equal(await handled.ask('rivulet.secured.1', other), '400', 'an unknown key does not wait')
  t.equal(await handled.ask('rivulet.secured.1'), undefined, 'an admitted one does')
  t.notOk(secured.mayHave(alice.publicKey))
  held.shift()?.()
  t.equal(handled.answer(), '200')
  t.ok(secured.mayHave(alice.publicKey))
  t.equal(await handled.ask('rivulet.secured.1'), undefined)
  guard.isAdmitted = false
  held.shift()?.()
  t.equal(handled.answer(), '400')
  secured.forget()
  t.notOk(secured.mayHave(alice.publicKey), 'when all connections were ended')
})

t.test('a handler that fails is bound again at once, and again until it is', async (t) => {
  const handled = new Handled(t)
  handled.handler.secure('rivulet.secured.1', handled.guard.asGuard, undefined)
  handled.made[0]?.fail()
  await turn()
  t.strictSame([handled.made.length, handled.made[0]?.unbound, handled.made[0]?.closed], [2, true, true])
  t.equal(await handled.ask('rivulet.secured.1'), '200')
  handled.hasNone = true
  handled.made[1]?.fail()
  await turn()
  t.equal(handled.made.length, 2)
  handled.hasNone = false
  handled.clock.advance(250)
  t.equal(handled.made.length, 3)
  t.equal(await handled.ask('rivulet.secured.1'), '200')
})

t.test('without a socket for it, nothing can be secured', async (t) => {
  const handled = new Handled(t)
  handled.hasNone = true
  const secure = () => handled.handler.secure('rivulet.secured.1', handled.guard.asGuard, undefined)
  t.throws(secure, { code: 'RIVULET_ADMISSION_UNAVAILABLE' })
  handled.hasNone = false
  secure()
  t.equal(await handled.ask('rivulet.secured.1'), '200')
})

t.test('it is bound while something is secured, and let go of afterwards, its name at once', async (t) => {
  const handled = new Handled(t)
  const secured = handled.handler.secure('rivulet.secured.1', handled.guard.asGuard, undefined)
  handled.clock.advance(60_000)
  t.notOk(handled.made[0]?.closed)
  secured.close()
  handled.clock.advance(250)
  t.strictSame([handled.made[0]?.unbound, handled.made[0]?.closed], [true, true])
  t.equal(handled.clock.timers, 0)
})
