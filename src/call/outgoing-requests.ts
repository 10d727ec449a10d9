/** The requests of one call that go out as a stream: what their end means for the call, at the client. */
import { isRivuletError, RivuletError } from '../errors/index.js'
import { itemFlag, noBody } from '../session/index.js'
import { callKind } from './call-kinds.js'
import type { CallSession, ClientCall } from './client-call.js'
import { callError, outcomeOf } from './failure.js'
import type { GuaranteedSends } from './guaranteed-sends.js'
import { OutgoingItems, type OutgoingOwner } from './outgoing-items.js'

/** A stream of requests. */
export class OutgoingRequests implements OutgoingOwner {
  readonly items: OutgoingItems
  readonly #call: ClientCall
  readonly #session: CallSession
  readonly #guaranteed: GuaranteedSends

  constructor(call: ClientCall, session: CallSession, guaranteed: GuaranteedSends) {
    this.#call = call
    this.#session = session
    this.#guaranteed = guaranteed
    this.items = new OutgoingItems(this, session.streams, call.stream, call.method.write)
  }

  sourceEnded(): void {
    this.#guaranteed.send(this.#call.stream, callKind.end, itemFlag.last, noBody)
  }

  sourceFailed(cause: unknown): void {
    const { label } = this.#call.method
    this.#end(callError('RIVULET_SOURCE_FAILED', `${label}: the source of its requests failed`, 'maybe', { cause }))
  }

  noSource(error: RivuletError): void {
    this.#end(error)
  }

  valueRefused(cause: unknown, value: unknown): void {
    this.#end(isRivuletError(cause) ? cause : this.#call.method.codec.request.explain(value))
  }

  overflowed(): void {
    const { label } = this.#call.method
    const message = `${label}: its requests come faster than they leave, and an observable cannot be paused; pass an iterable or a generator for backpressure`
    this.#end(new RivuletError('RIVULET_OVERLOADED', message))
  }

  report(error: RivuletError): void {
    this.#call.report(error)
  }

  #end(error: RivuletError): void {
    if (this.#call.done) return
    this.#session.abandon(this.#call)
    this.#call.abort(outcomeOf(error, 'maybe'))
  }
}
