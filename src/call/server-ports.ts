/** What the sessions of a server need of it: the contract between `server.ts` and `host.ts`. */
import type { Clock } from '../clock/index.js'
import type { RivuletError } from '../errors/index.js'
import type { PeerInfo } from '../session/index.js'
import type { AdmissionRefusal, CallLimits } from './call-limits.js'
import type { ServedMethod, ServedService } from './served-service.js'
import type { CallEnd } from './server-call.js'

/** What all sessions of a server share. */
export interface ServerPorts<Server> {
  readonly services: ReadonlyMap<string, ServedService>
  readonly limits: CallLimits
  readonly clock: Clock
  /** Why handlers should end, once the server is closing. */
  readonly drainReason: RivuletError | undefined
  /** Why a call cannot be taken now, or not of this client; `undefined` if it can. */
  refusalFor(server: Server, method: ServedMethod, caller: number): AdmissionRefusal | undefined
  /** Why a peer gets no agreement on a service; `undefined` if it does. */
  denialOf(peer: PeerInfo, service: ServedService): AdmissionRefusal | undefined
  /** A handler begins. */
  started(): void
  /** A handler is done. */
  released(): void
  /** A call has ended. */
  finished(how: CallEnd): void
  /** A call was refused before its handler began. */
  refused(): void
  /** An item was malformed. */
  countInvalidItem(): void
  /** Sees to it that a call with this deadline is looked at then. */
  watch(deadline: number): void
  /** A session has ended. */
  ended(server: Server): void
  /** Looks whether `drain` is done. */
  checkDrained(): void
  report(error: RivuletError): void
}
