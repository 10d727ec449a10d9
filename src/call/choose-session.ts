/** Chooses the session that a call of a client goes to. */
import type { ClientMethod } from './client-method.js'
import type { ClientSession } from './client-session.js'

/** The session with the fewest calls that agreed on the method; a suspected one if there is no other. */
export function chooseSession(sessions: readonly ClientSession[], { number }: ClientMethod): ClientSession | undefined {
  let best: ClientSession | undefined
  for (const session of sessions) {
    if (!session.isReady) continue
    const agreed = session.agreement.methods[number]
    if (agreed === undefined || agreed.refusal !== undefined) continue
    if (best === undefined || isBetter(session, best)) best = session
  }
  return best
}

function isBetter(session: ClientSession, other: ClientSession): boolean {
  if (session.isSuspected !== other.isSuspected) return other.isSuspected
  return session.calls.size < other.calls.size
}
