/**
 * The links of one inproc endpoint: made and counted by the register of `inproc.ts`, since libzmq reports no events there.
 */
import type { Runtime } from '../runtime/index.js'
import type { EndpointLinks } from './endpoint-links.js'
import { joinInproc } from './inproc.js'

/** What an inproc endpoint needs of its socket. */
export interface InprocPorts {
  /** Whether the connecting side lets go of a binding side that leaves. */
  readonly disconnectsWhenPeerUnbinds: boolean
  connect(address: string): void
  disconnect(address: string): void
}

/** Enters an endpoint; returns how it leaves. */
export function linkInproc(runtime: Runtime, links: EndpointLinks, ports: InprocPorts): () => void {
  const { endpoint: address, side } = links
  const party = {
    linked: () => {
      // an inproc connection that waits for its binder could never be closed, and libzmq forgets one whose binder has
      // gone: it is made whenever there is a binder; one to a former binder, still being closed, would take its share.
      // A receiver reads what that has sent: the library ends its connection. To end it here would also abort the process
      // of a subscriber that has begun with a message (`!_more` in `fq_t::recvpipe`, libzmq 4.3.5).
      if (side === 'connect') {
        if (ports.disconnectsWhenPeerUnbinds) ports.disconnect(address)
        ports.connect(address)
      }
      links.event(side === 'bind' ? 'accept' : 'connect')
      links.event('handshake')
    },
    unlinked: () => {
      if (side === 'connect' && ports.disconnectsWhenPeerUnbinds) ports.disconnect(address)
      links.event('disconnect')
    },
  }
  const leave = joinInproc(runtime, address, side, party)
  return () => {
    // now, and not when the library comes to it: the other side may send to this one until then
    if (side === 'connect') ports.disconnect(address)
    links.clear()
    leave()
  }
}
