/**
 * Answers the handshakes of the sockets of one runtime (RFC 27/ZAP): one handler for descriptors, gates and security.
 *
 * libzmq looks for a handler at each handshake. Where a secured socket finds none it ends the handshake, since its domain is
 * enforced; other sockets admit every peer. So a handler is bound before the first secured socket is, and stays while there is
 * one; otherwise it is bound only while it has something to refuse or to hold, since each handshake waits for the event loop.
 *
 * What is not understood is refused: malformed requests, CURVE for a domain without a guard, domains that are none of ours.
 */
import type { Clock, Timer } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { defaults } from '../options/index.js'
import type { Decision, SecurityGuard } from '../security/index.js'
import { boundZapDomain, type NativeSocket, zapAddress } from './native.js'
import { ReadLoop } from './read-loop.js'
import { SecuredDomain } from './secured-domain.js'
import { uninterrupted } from './try-again.js'
import { readZapRequest, type ZapRequest, type ZapStatus, zapAnswer } from './zap-request.js'

/** How often it is looked at whether a handler is still needed, or can be bound, in milliseconds. */
const checkMs = 250

/** The most decisions of guards that are waited for at the same time, and how long, in milliseconds: a guard itself takes less. */
const maxPending = 1024
const decisionMs = defaults.admissionTimeoutMs + 100

/** Domains of sockets without security: those that connect, those that bind, and those with a gate. */
const plainDomain = /^rivulet(?:\.bound(?:\.\d+)?)?$/

/** Takes a handshake of a peer; `admit` lets it continue, at any time before it is late. */
export type Gate = (admit: () => void) => void

/** What the handler needs of the system, and of the admission that has it. */
export interface ZapPorts {
  readonly clock: Clock
  /** Whether peers of bound sockets are refused, since there are too few descriptors. */
  isRefusing(): boolean
  /** Makes a socket that is asked about each handshake; throws the native error. */
  bindAuthenticator(): NativeSocket
  /** Called each time that it is looked at whether the handler is needed. */
  checked(): void
}

/** The handler of one runtime. */
export class ZapHandler {
  readonly #ports: ZapPorts
  #authenticator: NativeSocket | undefined
  #loop: ReadLoop | undefined
  #timer: Timer | undefined
  /** What takes the handshakes of a socket, by its domain. */
  readonly #gates = new Map<string, Gate>()
  readonly #secured = new Map<string, SecuredDomain>()
  #pending = 0

  constructor(ports: ZapPorts) {
    this.#ports = ports
  }

  /** Hands the handshakes of the sockets with a domain to a gate, or to nobody; a guard has decided before. */
  setGate(domain: string, gate: Gate | undefined): void {
    if (gate === undefined) {
      this.#gates.delete(domain)
      return
    }
    this.#gates.set(domain, gate)
    this.answer()
  }

  /**
   * Hands the handshakes of a domain to a guard; must be called before a socket with that domain is bound.
   *
   * @param gateName - The gate that holds what the guard admits, if the socket has one.
   * @throws RIVULET_ADMISSION_UNAVAILABLE if no handler can be bound.
   */
  secure(domain: string, guard: SecurityGuard, gateName: string | undefined): SecuredDomain {
    const secured = new SecuredDomain(guard, gateName, {
      changed: () => this.#refer(),
      closed: () => {
        if (this.#secured.get(domain) === secured) this.#secured.delete(domain)
        this.#refer()
      },
    })
    this.#secured.set(domain, secured)
    const error = this.answer()
    if (this.#authenticator === undefined) {
      secured.close()
      const text = 'no socket is left to ask about handshakes, and without it nobody could be admitted'
      throw new RivuletError('RIVULET_ADMISSION_UNAVAILABLE', text, { cause: error })
    }
    this.#refer()
    return secured
  }

  /** Answers handshakes from now on, for as long as that is needed; returns why it cannot yet. */
  answer(): unknown {
    this.#timer ??= this.#ports.clock.setTimer(() => this.#check(), checkMs)
    return this.#bind()
  }

  /** Answers no more. */
  close(): void {
    this.#gates.clear()
    for (const secured of this.#secured.values()) secured.close()
    this.#timer?.cancel()
    this.#timer = undefined
    this.#unbind()
  }

  #bind(): unknown {
    if (this.#authenticator !== undefined) return undefined
    let authenticator: NativeSocket
    try {
      authenticator = this.#ports.bindAuthenticator()
    } catch (error) {
      return error
    }
    this.#authenticator = authenticator
    const loop = new ReadLoop(authenticator, this.#ports.clock, {
      message: (parts) => this.#onRequest(authenticator, parts),
      failed: () => {
        if (this.#authenticator !== authenticator) return
        this.#unbind()
        if (this.#secured.size > 0) this.#bind()
      },
    })
    this.#loop = loop
    this.#refer()
    loop.wanted = true
    return undefined
  }

  #unbind(): void {
    const authenticator = this.#authenticator
    this.#authenticator = this.#loop = undefined
    if (authenticator === undefined || authenticator.closed) return
    try {
      // closing frees the name later, and until then no other handler could be bound
      uninterrupted(() => authenticator.disconnect(zapAddress))
    } finally {
      authenticator.close()
    }
  }

  /** A pending read keeps the process alive, and a secured socket may do so; otherwise requests are polled for. */
  #refer(): void {
    if (this.#loop) this.#loop.referenced = [...this.#secured.values()].some(({ isReferenced }) => isReferenced)
  }

  #check(): void {
    this.#timer = undefined
    this.#ports.checked()
    if (this.#ports.isRefusing() || this.#gates.size > 0 || this.#secured.size > 0) this.answer()
    else this.#unbind()
  }

  #onRequest(authenticator: NativeSocket, parts: readonly Buffer[]): void {
    const reply = (status: ZapStatus, text?: string) => {
      if (!authenticator.closed) void authenticator.send(zapAnswer(parts, status, text)).catch(() => {})
    }
    const request = readZapRequest(parts)
    if (request === undefined) {
      reply(500, 'malformed')
      return
    }
    const { domain, mechanism } = request
    const secured = this.#secured.get(domain)
    if (mechanism === 'NULL' && secured === undefined && plainDomain.test(domain)) this.#admitPlain(domain, reply)
    else if (mechanism === 'CURVE' && secured !== undefined) this.#decide(request, secured, reply)
    else reply(secured === undefined ? 500 : 400, secured === undefined ? 'no such domain' : 'another mechanism')
  }

  #admitPlain(domain: string, reply: (status: ZapStatus, text?: string) => void): void {
    // peers of bound sockets are refused, those that this side connects to are not
    if (this.#ports.isRefusing() && domain.startsWith(boundZapDomain)) reply(400, 'too few file descriptors')
    else this.#pass(domain, () => reply(200))
  }

  #pass(gateName: string | undefined, admit: () => void): void {
    const gate = gateName === undefined ? undefined : this.#gates.get(gateName)
    if (gate) gate(admit)
    else admit()
  }

  #decide(request: ZapRequest, secured: SecuredDomain, reply: (status: ZapStatus, text?: string) => void): void {
    const { address } = request
    if (this.#ports.isRefusing()) {
      secured.limited('descriptors', address)
      reply(500, 'too few file descriptors')
      return
    }
    let isAnswered = false
    const refuse = (reason: 'unknown-key' | 'unavailable') => {
      if (isAnswered) return
      isAnswered = true
      secured.refused(reason, address)
      reply(reason === 'unknown-key' ? 400 : 500, reason)
    }
    const settle = (decision: Decision) => {
      if (!decision.admitted) refuse(decision.reason)
      // it may be revoked while a gate holds it
      else if (!isAnswered)
        this.#pass(secured.gateName, () => (secured.admit(request) ? reply(200) : refuse('unknown-key')))
    }
    const decision = secured.decide(request)
    if (!(decision instanceof Promise)) {
      settle(decision)
      return
    }
    if (this.#pending >= maxPending) {
      secured.limited('decisions', address)
      reply(500, 'too many decisions')
      return
    }
    this.#pending += 1
    const timer = this.#ports.clock.setTimer(() => refuse('unavailable'), decisionMs)
    void decision.then((decided) => {
      this.#pending -= 1
      timer.cancel()
      settle(decided)
    })
  }
}
