/** What `links` of a resource tells, and what it needs of those who count connections. */
import type { RivuletError } from '../errors/index.js'

/** What happened to a link. */
export type LinkState = 'connected' | 'disconnected' | 'retrying' | 'refused'

/** A change of one link. */
export interface LinkChange {
  /**
   * `connected`: both sides agreed to talk. `disconnected`: an agreed link ended. `retrying`: a try to connect failed
   * and another follows. `refused`: a connection ended before both sides had agreed; `cause` says why.
   */
  readonly state: LinkState
  /** The endpoint of this side that the link belongs to. */
  readonly endpoint: string
  /** Whether this side bound the endpoint or connects to it. */
  readonly side: 'bind' | 'connect'
  /** The peer's address, where this side connects; a binding side is not told. */
  readonly peer: string | undefined
  /** Tries since the link was last up; 0 when it is up. */
  readonly attempt: number
  /** Why, where that is known. */
  readonly cause: RivuletError | undefined
  /** Live links of the resource after this change. */
  readonly connected: number
}

/** The same, as an endpoint knows it. */
export type EndpointChange = Omit<LinkChange, 'connected'>

/** The links of one endpoint, counted by the transport that has them. */
export interface EndpointCount {
  readonly side: 'bind' | 'connect'
  /** Live links. */
  readonly connected: number
  /** A change of these links, as it is now. */
  change(state: LinkState): EndpointChange
  /** Marks every link down. */
  clear(): void
}
