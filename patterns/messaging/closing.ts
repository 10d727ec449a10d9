/**
 * How a peer closes: what it has sent, asked and answers is waited for, up to a time; then it leaves its node.
 *
 * Its links, and those of its node, are closed behind that.
 */
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import type { PeerAnswers } from './answers.js'
import type { LocalPeer } from './local-peer.js'
import type { PeerNode } from './node.js'
import type { PeerAsks } from './peer-asks.js'

/** What a peer is made of. */
export interface ClosingPeer {
  readonly clock: Clock
  readonly node: PeerNode
  readonly local: LocalPeer
  readonly asks: PeerAsks
  readonly answers: PeerAnswers
  /** Waits for something, up to a time on the clock. */
  waitUntil(deadline: number, done: Promise<unknown>): Promise<void>
}

/** Lets a peer that takes nothing new finish, up to a time on the clock; returns how much of what it had is not done. */
export async function finishPeer(peer: ClosingPeer, deadline: number): Promise<number> {
  const { clock, local, asks, answers } = peer
  const timeoutMs = Math.max(0, deadline - clock.now())
  const answered = answers.close({ drain: timeoutMs > 0, timeoutMs })
  const asked = peer.waitUntil(deadline, asks.whenIdle())
  let left = await local.finish(deadline)
  await Promise.all([answered, asked, peer.waitUntil(deadline, local.mailbox.whenDrained())])
  left += asks.stopAll(new RivuletError('RIVULET_CLOSED', `peer '${local.ref.name}' was closed`))
  return left + leaveNode(peer)
}

/** Ends a peer that was never open. */
export function releasePeer(peer: Omit<ClosingPeer, 'clock' | 'asks' | 'waitUntil'>): void {
  void peer.answers.close({ drain: false })
  leaveNode(peer)
}

function leaveNode({ node, local }: Pick<ClosingPeer, 'node' | 'local'>): number {
  const left = local.mailbox.close()
  node.remove(local)
  local.presence.close()
  return left
}
