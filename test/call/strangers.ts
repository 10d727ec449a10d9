/** Peers that may say anything: a client at a real server, and a server at a real client. */
import { serviceOf } from '../../src/avro/service-codec.js'
import { callKind } from '../../src/call/call-kinds.js'
import { CallBind, CallBound, CallFailure } from '../../src/call/schemas.js'
import { RecordBody } from '../../src/session/index.js'
import type { ItemBody } from '../../src/session/item.js'
import { FakePair } from '../support/fake-pair.js'
import { Calling, Numbers } from './calling.js'

export const raw = (bytes: Uint8Array): ItemBody => ({
  writeBody(into, _view, position, end) {
    if (position + bytes.length > end) throw new RangeError('no room')
    into.set(bytes, position)
    return position + bytes.length
  },
})

export const codec = serviceOf(Numbers)

/** A server, and a client that may say anything; what it is answered is kept. */
export class Stranger {
  readonly calling: Calling
  readonly pair = new FakePair({ spoils: true })
  readonly seen: { stream: number; kind: number; body: Buffer }[] = []

  constructor(calling: Calling) {
    this.calling = calling
    this.pair.acceptor.handler = calling.host.accept(this.pair.acceptor, {
      id: 'stranger',
      identity: undefined,
      dialed: undefined,
    })
    this.pair.dialer.handler = {
      onItem: (stream, kind, _flags, bytes, _view, start, end) => {
        this.seen.push({ stream, kind, body: Buffer.from(bytes.subarray(start, end)) })
        this.pair.dialer.forget(stream)
      },
      onWritable() {},
      onStatus() {},
    }
  }

  say(stream: number, kind: number, body: ItemBody | Uint8Array, flags = 0): void {
    this.pair.dialer.send(stream, kind, flags, body instanceof Uint8Array ? raw(body) : body)
    this.pair.pump()
  }

  bind(binding = 0, hash = codec.hash, firstMethod = 0, service = codec.name): void {
    const record = { binding, service, hash: Buffer.from(hash, 'hex'), firstMethod }
    this.say(0, callKind.bind, new RecordBody(CallBind, record))
  }

  /** The failures that came, by stream. */
  get failures(): { stream: number; code: string; executed: string }[] {
    return this.seen
      .filter(({ kind }) => kind === callKind.failure)
      .map(({ stream, body }) => {
        const { code, executed } = CallFailure.decode(body)
        return { stream, code, executed }
      })
  }
}

/** A client, and a server that may say anything. */
export class Impostor {
  readonly calling = new Calling({}, { sessions: 0 })
  readonly pair = new FakePair()
  /** What the client said. */
  readonly seen: { stream: number; kind: number }[] = []

  constructor() {
    this.pair.acceptor.handler = {
      onItem: (stream, kind) => {
        this.seen.push({ stream, kind })
        this.pair.acceptor.forget(stream)
      },
      onWritable() {},
      onStatus() {},
    }
    this.pair.dialer.handler = this.calling.client.accept(this.pair.dialer)
    this.pair.pump()
    this.say(0, callKind.bound, new RecordBody(CallBound, { binding: 0, hash: Buffer.from(codec.hash, 'hex') }))
  }

  say(stream: number, kind: number, body: ItemBody | Uint8Array, flags = 0): void {
    this.pair.acceptor.send(stream, kind, flags, body instanceof Uint8Array ? raw(body) : body)
    this.pair.pump()
  }
}
