/** The base of resources that use sockets directly: opens and closes them with the resource. */
import { ResourceBase } from '../resource/index.js'
import { checkSides, type ResolvedSocketOptions, type Sides } from './socket-options.js'
import { SocketSet } from './socket-set.js'

/** The base of a resource with sockets. */
export abstract class SocketResource<Stats> extends ResourceBase<Stats> {
  protected readonly sockets: SocketSet

  /**
   * @param factory - The public function, for messages: `createPush`.
   * @param sides - Which of `bind` and `connect` it takes.
   * @throws RIVULET_INVALID_OPTION
   */
  constructor(factory: string, options: ResolvedSocketOptions, sides: Sides) {
    checkSides(factory, options, sides)
    super(factory, options)
    this.sockets = new SocketSet(this.scope, options)
    this.transport = this.sockets
  }

  protected abstract override openTransport(): Promise<void>
  protected abstract override finish(deadline: number): Promise<number>
}
