/** Items of calls: to a server from a client that says anything, and to a client from such a server. */
import { NEVER, of } from 'rxjs'
import { callKind } from '../../../src/call/call-kinds.js'
import {
  CallBind,
  CallBound,
  CallFailure,
  CallNeedText,
  CallRefusal,
  CallText,
  CallUnbind,
} from '../../../src/call/schemas.js'
import { Calling, numbered } from '../../call/calling.js'
import { codec } from '../../call/strangers.js'
import { bodyOf } from '../../session/link-pair.js'
import type { Random } from '../../simulation/random.js'
import { FakePair } from '../../support/fake-pair.js'
import { mutate, varint } from '../mutate.js'
import { outcomeOf, type Target, taken } from '../target.js'

const hash = Buffer.from(codec.hash, 'hex')

/** Bodies that are valid somewhere. */
const bodies: readonly Buffer[] = [
  CallBind.encode({ binding: 0, service: codec.name, hash, firstMethod: 0 }),
  CallBind.encode({ binding: 1, service: codec.name, hash: Buffer.alloc(16, 1), firstMethod: 100 }),
  CallText.encode({ binding: 1, piece: codec.text.slice(0, 300), complete: false }),
  CallText.encode({ binding: 1, piece: codec.text, complete: true }),
  CallNeedText.encode({ binding: 0 }),
  CallUnbind.encode({ binding: 1 }),
  CallBound.encode({ binding: 0, hash }),
  CallBound.encode({ binding: 0, hash: Buffer.alloc(16, 1) }),
  CallRefusal.encode({ binding: 0, method: 'double', code: 'RIVULET_UNIMPLEMENTED', message: 'm', issues: [] }),
  CallFailure.encode({ code: 'RIVULET_OVERLOADED', message: 'why', executed: 'no' }),
  ...Array.from({ length: 9 }, (_, method) => Buffer.from([method * 2, 0, 0, 0, 2])),
  Buffer.from('0202020161026200000a', 'hex'),
  varint(42),
  Buffer.alloc(0),
]
const kinds = Object.values(callKind)

/** One side of this package, and a peer that says what chance wants. */
abstract class Talk {
  readonly calling: Calling
  readonly pair = new FakePair({ spoils: false })
  protected readonly random: Random
  /** Whether the peer broke the protocol, which ends its session. */
  hasEnded = false
  protected code = taken

  constructor(random: Random, calling: Calling) {
    this.random = random
    this.calling = calling
  }

  /** Says one thing; returns what it came to. */
  next(): string {
    this.code = taken
    const { random, calling } = this
    const original = random.pick(bodies)
    const body = random.chance(0.6) ? mutate(random, original, bodies) : original
    const kind = random.chance(0.95) ? random.pick(kinds) : random.below(200)
    const stream = this.stream(kind)
    const flags = random.pick([0, 0, 2, 2, 4, 6])
    const thrown = outcomeOf(() => {
      this.say(stream, kind, flags, body)
      this.pair.pump()
    })
    this.hasEnded = thrown !== taken
    const [reported] = calling.errors.splice(0)
    if (random.chance(0.01)) calling.clock.advance(1000)
    return thrown !== taken ? thrown : (reported?.code ?? this.code)
  }

  protected abstract stream(kind: number): number
  protected abstract say(stream: number, kind: number, flags: number, body: Buffer): void
}

/** A client attacks a server. */
class Client extends Talk {
  constructor(random: Random) {
    const handlers = {
      // a number of the peer that is doubled may be no long any more
      double: numbered((n) => (n % 1000) * 2),
      look: () => NEVER,
      count: () => of(1, 2),
      sum: () => NEVER,
      note: () => {},
    }
    super(random, new Calling(handlers, { sessions: 0 }))
    const { acceptor, dialer } = this.pair
    acceptor.handler = this.calling.host.accept(acceptor, { id: 'stranger', identity: undefined, dialed: undefined })
    dialer.handler = {
      onItem: (stream, kind, _flags, bytes, _view, start, end) => {
        if (kind === callKind.failure) this.code = CallFailure.decode(bytes.subarray(start, end)).code
        dialer.forget(stream)
      },
      onWritable() {},
      onStatus() {},
    }
    if (random.chance(0.9)) dialer.send(0, callKind.bind, 0, bodyOf(bodies[0] as Buffer))
    this.pair.pump()
  }

  protected stream(kind: number): number {
    if (kind === callKind.bind || kind === callKind.text) return 0
    return this.random.between(-1, 12)
  }

  protected say(stream: number, kind: number, flags: number, body: Buffer): void {
    this.pair.dialer.send(stream, kind, flags, bodyOf(body))
  }
}

/** A server attacks a client that calls it. */
class Server extends Talk {
  constructor(random: Random) {
    super(random, new Calling({}, { sessions: 0 }))
    const { acceptor, dialer } = this.pair
    acceptor.handler = { onItem: (stream) => acceptor.forget(stream), onWritable() {}, onStatus() {} }
    dialer.handler = this.calling.client.accept(dialer)
    this.pair.pump()
    if (random.chance(0.9)) acceptor.send(0, callKind.bound, 0, bodyOf(bodies[5] as Buffer))
    this.pair.pump()
    for (const method of ['double', 'count', 'look', 'count']) this.#call(method)
  }

  #call(method: string): void {
    const { call } = this.calling.start(method)
    call.responses?.subscribe({ error: () => {} })
  }

  protected stream(kind: number): number {
    if (this.random.chance(0.1)) this.#call(this.random.pick(['double', 'count', 'text']))
    if (kind < callKind.request && kind >= callKind.bind && this.random.chance(0.9)) return 0
    return this.random.between(-1, 12)
  }

  protected say(stream: number, kind: number, flags: number, body: Buffer): void {
    this.pair.acceptor.send(stream, kind, flags, bodyOf(body))
  }
}

/** Calls. */
export const calls: Target = {
  codes: [
    ...['RIVULET_BAD_FRAME', 'RIVULET_PROTOCOL_VIOLATION', 'RIVULET_INVALID_REQUEST', 'RIVULET_UNIMPLEMENTED'],
    ...['RIVULET_INVALID_SCHEMA', 'RIVULET_INCOMPATIBLE_SCHEMA', 'RIVULET_DECODE_FAILED', 'RIVULET_OVERLOADED'],
    'RIVULET_DEADLINE_EXCEEDED',
  ],
  share: 100_000,
  begin: (random) => {
    const begin = () => (random.chance(0.5) ? new Client(random) : new Server(random))
    let talk = begin()
    return () => {
      if (talk.hasEnded || random.chance(0.01)) talk = begin()
      return talk.next()
    }
  },
}
