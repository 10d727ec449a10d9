/** Numbered, confirmed sending over any conversation: what is sent is kept until the host has confirmed it. */
export { PendingSend, SendAllTracker, type SendResult } from './pending-send.js'
export { type Extras, type SendAnswer, type SendRequest, sendTypes } from './protocol.js'
export { ReliableSender, type ReliableSenderPorts, type SenderIntake } from './reliable-sender.js'
export { SendOutbox } from './send-outbox.js'
export type { SendOutboxPorts } from './send-outbox-ports.js'
export { messageCost, type Owner } from './sent-batch.js'
export { schemasPerStream } from './sent-schemas.js'
