/** An acceptor that lets nothing wait for another turn. */
import { Acceptor } from '../../src/session/index.js'

/** Takes at once all that it receives. */
export class PromptAcceptor extends Acceptor {
  override receive(peer: string, frame: Buffer): boolean {
    super.receive(peer, frame)
    while (!this.takeRest());
    return true
  }
}
