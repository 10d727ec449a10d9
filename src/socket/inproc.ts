/**
 * Who meets whom over `inproc://`: libzmq reports no events there and never connects again.
 *
 * One register per runtime. It notifies both sides when they are linked, and a connecting side when it must connect again.
 */
import type { Runtime } from '../runtime/index.js'

/** One side of a name. */
export interface InprocParty {
  /** The other side is there. */
  linked(address: string): void
  /** The other side has gone. */
  unlinked(address: string): void
}

interface Meeting {
  binder: InprocParty | undefined
  readonly connectors: Set<InprocParty>
}

const meetings = new WeakMap<Runtime, Map<string, Meeting>>()

function meetingAt(runtime: Runtime, address: string): Meeting {
  let byAddress = meetings.get(runtime)
  if (!byAddress) {
    byAddress = new Map()
    meetings.set(runtime, byAddress)
  }
  let meeting = byAddress.get(address)
  if (!meeting) {
    meeting = { binder: undefined, connectors: new Set() }
    byAddress.set(address, meeting)
  }
  return meeting
}

/** Enters a party; returns how it leaves. */
export function joinInproc(
  runtime: Runtime,
  address: string,
  side: 'bind' | 'connect',
  party: InprocParty,
): () => void {
  const meeting = meetingAt(runtime, address)
  const others = side === 'bind' ? [...meeting.connectors] : meeting.binder ? [meeting.binder] : []
  if (side === 'bind') meeting.binder = party
  else meeting.connectors.add(party)
  for (const other of others) {
    party.linked(address)
    other.linked(address)
  }
  return () => {
    const left = side === 'bind' ? [...meeting.connectors] : meeting.binder ? [meeting.binder] : []
    if (side === 'bind') meeting.binder = undefined
    else meeting.connectors.delete(party)
    for (const other of left) other.unlinked(address)
    if (!meeting.binder && meeting.connectors.size === 0) meetings.get(runtime)?.delete(address)
  }
}
