/** Honest peers of the patterns whose peers know each other: messages to a named peer, and announcements in a directory. */
import { createDirectory, type Directory } from '../../patterns/directory/index.js'
import { createPeer, type Peer } from '../../patterns/messaging/index.js'
import { Job } from '../support/job.js'
import { connecting, HonestLoad, type LoadOptions } from './honest-load.js'
import { HonestOrder } from './honest-order.js'
import { keepName } from './keep.js'

/** Messages to the peer that is attacked, each of which it takes. */
export class Messages extends HonestLoad {
  readonly #peer: Peer
  #id = 0

  static async open(options: LoadOptions) {
    return new Messages(await createPeer({ name: 'honest', ...connecting(options) }))
  }

  private constructor(peer: Peer) {
    super()
    this.#peer = peer
    this.watch(peer)
  }

  protected begin(count: number): void {
    for (let begun = 0; begun < count; begun++) {
      this.#peer.send(keepName, Job, HonestOrder.job(this.#id++)).then(
        () => this.done(),
        (error: unknown) => this.faults.push(`a message failed: ${error}`),
      )
    }
  }

  async close(): Promise<void> {
    await this.#peer.close()
  }
}

/** Announcements in the directory that is attacked, each made and withdrawn. */
export class Announcements extends HonestLoad {
  readonly #directory: Directory
  #id = 0

  static async open(options: LoadOptions) {
    return new Announcements(await createDirectory(connecting(options)))
  }

  private constructor(directory: Directory) {
    super()
    this.#directory = directory
    this.watch(directory)
  }

  protected begin(count: number): void {
    for (let begun = 0; begun < count; begun++) void this.#announce(`honest ${this.#id++}`)
  }

  async #announce(name: string): Promise<void> {
    try {
      const { status, whenClosed } = this.#directory
      const announced = { status, whenClosed, endpoints: ['tcp://127.0.0.1:7'] }
      const announcement = await this.#directory.announce(name, announced)
      await announcement.close()
      this.done()
    } catch (error) {
      this.faults.push(`${name} was not announced: ${error}`)
    }
  }

  async close(): Promise<void> {
    await this.#directory.close()
  }
}
