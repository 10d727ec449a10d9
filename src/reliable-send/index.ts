/** Numbered, confirmed sending over any conversation: what is sent is kept until the host has confirmed it. */
export { PendingSend, SendAllTracker, type SendResult } from './pending-send.js'
export { type Extras, sendTypes } from './protocol.js'
export { SendOutbox, type SendOutboxPorts } from './send-outbox.js'
export { messageCost, type Owner } from './sent-batch.js'
