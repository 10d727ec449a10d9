/**
 * What callers may do at a server, where that is restricted: asked before a request is read.
 *
 * Who a caller is and what the rules are is known elsewhere; this names what is asked.
 */
import type { PeerInfo } from '../session/index.js'
import type { AdmissionRefusal } from './call-limits.js'
import type { ServedMethod, ServedService } from './served-service.js'

/** What a policy of calls is asked for; `message` where a service has an `access` of its own. */
export type CallAction = 'call' | 'message' | 'reflect'

/** Decides what a peer may do. */
export interface CallPolicy {
  /** Whether a peer may do something; a denial is counted and reported. */
  permits(peer: PeerInfo, action: CallAction, target: string): boolean
  /** The same, when nothing was asked for yet: a denial is not reported. */
  allows(peer: PeerInfo, action: CallAction, target: string): boolean
}

/** Why a peer may not call a method; `undefined` if it may. */
export function deniedCall(
  policy: CallPolicy,
  peer: PeerInfo,
  { access: { action, target } }: ServedMethod,
): AdmissionRefusal | undefined {
  return policy.permits(peer, action, target) ? undefined : denied(`${action} ${target}`)
}

/**
 * Why a peer gets no agreement on a service, and so neither its schemas nor a comparison with others; `undefined` if it does:
 * it may call one of its methods, or reflect it.
 */
export function deniedService(
  policy: CallPolicy,
  peer: PeerInfo,
  { codec: { name, methods }, implementation: { access } }: ServedService,
): AdmissionRefusal | undefined {
  if (access !== undefined) {
    const { action, target } = access
    return policy.permits(peer, action, target) ? undefined : denied(`${action} ${target}`)
  }
  for (const method of methods.keys()) if (policy.allows(peer, 'call', `${name}.${method}`)) return undefined
  return policy.permits(peer, 'reflect', name) ? undefined : denied(`use the service ${name}`)
}

function denied(what: string): AdmissionRefusal {
  return {
    code: 'RIVULET_PERMISSION_DENIED',
    message: `the policy of the server does not allow this client to ${what}`,
  }
}
