/** One message to another peer that somebody waits for. */
import { type Extras, PendingSend } from '../../src/reliable-send/index.js'

/** Whether a message whose outcome is not known may be sent again to the next incarnation of its receiver. */
export type MessageDelivery = 'at-most-once' | 'at-least-once'

/** The same, for option rules. */
export const messageDeliveries = ['at-most-once', 'at-least-once'] as const satisfies readonly MessageDelivery[]

/** A send. */
export class PeerSend extends PendingSend<Extras, void> {
  readonly mayRepeat: boolean

  constructor(delivery: MessageDelivery) {
    super()
    this.mayRepeat = delivery === 'at-least-once'
  }

  protected override get unsure(): string {
    return 'the peer may have taken it'
  }

  protected override resultOf(): void {}
}
