/** The directory of a process of a simulation: the client machine of the package over simulated links, and what peers use of it. */
import { DirectoryClient } from '../../patterns/directory/directory-client.js'
import { DirectoryPeers } from '../../patterns/directory/directory-peers.js'
import { ViewReaders } from '../../patterns/directory/view-readers.js'
import type { PeerDirectory } from '../../src/discovery/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import type { DialerSettings } from '../../src/session/index.js'
import { SimulatedLinks } from './simulated-links.js'
import type { TurnProcess } from './turn-process.js'

/** How it is set up. */
export interface SimulatedDirectorySettings {
  readonly link: DialerSettings
  readonly directory: { readonly staleMs: number }
}

/** The least and the longest wait before a connection is tried again, in milliseconds. */
const waitMs = [1, 100] as const

/** A client of some hosts. */
export class SimulatedDirectory {
  readonly links: SimulatedLinks
  readonly peers: PeerDirectory
  readonly #readers: ViewReaders

  constructor(process: TurnProcess, { link, directory }: SimulatedDirectorySettings) {
    const { clock, random, name } = process
    const report = (error: RivuletError) => process.report(error)
    const client = new DirectoryClient({
      clock,
      random: () => random.below(1000) / 1000,
      id: random.bytes(16).toString('hex'),
      staleMs: directory.staleMs,
      name: () => name,
      report,
      changed: (view) => this.#readers.changed(view),
    })
    this.#readers = new ViewReaders(client)
    this.peers = new DirectoryPeers(client, this.#readers, { checkOpen: () => {}, report })
    this.links = new SimulatedLinks(process, { link, waitMs }, [client])
  }

  /** Withdraws everything, and says goodbye. */
  async finish(): Promise<void> {
    await this.links.finish()
    this.#readers.close()
  }

  /** Its process has ended. */
  drop(): void {
    this.links.drop()
  }
}
