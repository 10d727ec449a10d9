/** The error codes of messages between peers. `codes.ts` has all codes, these among them. */

/** The codes of peers. */
export const peerEntries = {
  RIVULET_NAME_TAKEN: {
    retryable: true,
    meaning: 'Another peer holds this name, or owns it by its key: other processes do not accept this peer.',
    remedy: 'Choose another name, close the other peer, or take its name over with `takeover: true`.',
  },
  RIVULET_UNKNOWN_PEER: {
    retryable: true,
    meaning: 'No peer of this name is present, and none has been in the time that the caller waited.',
    remedy: 'Check the name and where this process connects to, or wait longer: `timeoutMs`.',
  },
  RIVULET_PEER_GONE: {
    retryable: true,
    meaning: 'The receiver was present and has left; `executed` says whether it may have taken the message.',
    remedy: "Send again when a peer of this name is present: see `presence`; or use `delivery: 'at-least-once'`.",
  },
  RIVULET_MAILBOX_FULL: {
    retryable: true,
    meaning: 'The mailbox of the receiver is full, and its policy is to refuse.',
    remedy: "Send less, or let the receiver hold senders back: `mailboxOverflow: 'block'`.",
  },
  RIVULET_MESSAGE_REFUSED: {
    retryable: false,
    meaning: 'The receiver consumes no messages of this schema, or with a version of it that cannot read them.',
    remedy: 'Let the receiver consume them with `messages`, with a schema that can read that of the sender.',
  },
} as const
