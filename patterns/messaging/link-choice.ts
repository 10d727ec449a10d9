/**
 * Of several links between two nodes, the one that stays: both sides find the same, with nothing said.
 *
 * The link that the node with the smaller id has dialed stays; of several that it has dialed, the one with the smaller address.
 * The side that has dialed the other links leaves their addresses out, until the node has no other link. A node that has dialed
 * itself leaves that address out for good.
 */

/** A link of a node to another one, as the node knows it. */
export interface LinkOfNode {
  /** The id of the other node. */
  readonly node: string
  /** The address that this node has dialed; `undefined` where the other node has dialed. */
  readonly dialed: string | undefined
  /** Whether it has a connection, both sides take new streams, and know each other's peers: only then others are left out for it. */
  readonly isLive: boolean
}

/** The choice of one node. */
export class LinkChoice {
  readonly #self: string
  /** The addresses that are left out, and the nodes that they lead to. */
  readonly #leftOut = new Map<string, string>()

  constructor(self: string) {
    this.#self = self
  }

  /** Returns the addresses that the node is not to dial, of its links that have not ended. */
  leftOut(links: readonly LinkOfNode[]): ReadonlySet<string> {
    for (const node of new Set(links.map(({ node }) => node))) this.#choose(node, links)
    for (const [address, node] of this.#leftOut) {
      const hasOther = links.some((link) => link.node === node && link.dialed !== address)
      if (node !== this.#self && !hasOther) this.#leftOut.delete(address)
    }
    return new Set(this.#leftOut.keys())
  }

  #choose(node: string, links: readonly LinkOfNode[]): void {
    const live = links.filter((link) => link.node === node && link.isLive)
    const dialed = live.map(({ dialed }) => dialed).filter((address) => address !== undefined)
    const hasAccepted = dialed.length < live.length
    const isOther = node === this.#self || (hasAccepted && node < this.#self)
    const staying = isOther ? undefined : [...dialed].sort()[0]
    for (const address of dialed) if (address !== staying) this.#leftOut.set(address, node)
  }
}
