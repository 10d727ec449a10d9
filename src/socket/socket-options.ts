/** The options that every resource with a socket takes. */
import type { Endpoints } from '../discovery/index.js'
import { RivuletError } from '../errors/index.js'
import { defaults, flag, instance, invalidOption, type Resolved, signal, texts } from '../options/index.js'
import { isRuntime, type Runtime } from '../runtime/index.js'
import { type SecurityOptions, securityRule } from '../security/index.js'
import { connects, endpointInputs } from './connect-endpoint.js'
import { resolveSocketSecurity } from './socket-security.js'

/** Options that every resource with a socket takes. Without `bind` and `connect` there is nothing to open. */
export interface SocketOptions {
  /**
   * Endpoints to bind: `tcp://127.0.0.1:*`, `ipc:///run/app.sock`, `inproc://name`. `*` is a free port.
   * @defaultValue none
   */
  readonly bind?: string | readonly string[]
  /**
   * Endpoints to connect to, now and again after every cut; each may carry the key of its server.
   *
   * Of an observable, the newest list holds: links are added and removed while the resource is open. 256 endpoints at
   * most.
   *
   * @defaultValue none
   */
  readonly connect?: Endpoints
  /**
   * Allows binding where other machines can reach it, without any security. Refused where nothing is bound.
   * @defaultValue `false`
   */
  readonly insecure?: boolean
  /**
   * The keys of this side, and who is admitted; both sides of a connection have it, or neither.
   *
   * `{ keyPair, allow }` where this side binds, `{ keyPair, serverKey }` where it connects. Connections over TCP and IPC are
   * encrypted with CURVE, and only the keys that `allow` names are admitted.
   *
   * @defaultValue none
   */
  readonly security?: SecurityOptions
  /**
   * The {@link Runtime} that the resource belongs to: it closes with it.
   * @defaultValue the runtime of this thread
   */
  readonly runtime?: Runtime
  /**
   * Before the resource is open, aborting rejects the factory; afterwards it closes the resource without draining.
   * @defaultValue none
   */
  readonly signal?: AbortSignal
}

/** The rules of `SocketOptions`. */
export const socketRules = {
  bind: texts('an endpoint or a list of endpoints'),
  connect: endpointInputs,
  insecure: flag(defaults.insecure),
  security: securityRule,
  runtime: instance('a runtime of createRuntime', isRuntime, undefined),
  signal,
}

/** `SocketOptions`, resolved. */
export type ResolvedSocketOptions = Resolved<typeof socketRules>

/** Whether there must be `bind`, `connect`, exactly one of the two, at least one, or neither. */
export type Sides = 'bind' | 'connect' | 'one' | 'any' | 'neither'

/** @throws RIVULET_INVALID_OPTION if `bind`, `connect`, `insecure` and `security` are not as a resource needs them. */
export function checkSides(
  factory: string,
  options: Pick<ResolvedSocketOptions, 'bind' | 'connect' | 'insecure' | 'security'>,
  sides: Sides,
): void {
  const { bind, connect, insecure } = options
  const has = { bind: bind.length > 0, connect: connects(connect) }
  if (has.bind && has.connect && sides !== 'any') {
    throw new RivuletError('RIVULET_INVALID_OPTION', `${factory}: give either bind or connect, not both`)
  }
  const without = sides === 'connect' ? 'bind' : sides === 'bind' ? 'connect' : undefined
  if (without !== undefined && has[without]) {
    const rule = without === 'bind' ? 'a client connects; give connect' : 'a server binds; give bind'
    throw invalidOption(factory, without, `left out: ${rule}`, { bind, connect }[without])
  }
  if (sides !== 'neither' && !has.bind && !has.connect) {
    const option = without === undefined ? 'bind or connect' : sides
    throw new RivuletError('RIVULET_INVALID_OPTION', `${factory}: ${option} must be given, with at least one endpoint`)
  }
  if (insecure && bind.length === 0) {
    throw invalidOption(factory, 'insecure', 'left out where nothing is bound', insecure)
  }
  resolveSocketSecurity(factory, options)
}
