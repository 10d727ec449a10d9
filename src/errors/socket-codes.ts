/** The error codes of datagrams and byte streams. `codes.ts` has all codes, these among them. */

/** The codes of sockets without ZeroMQ. */
export const socketEntries = {
  RIVULET_CONNECTION_REFUSED: {
    retryable: true,
    meaning: 'Nobody listens at the address, or the listener closed the connection at once.',
    remedy: 'Start the listener, or correct the address; `reconnectStream` tries again automatically.',
  },
  RIVULET_NAME_NOT_FOUND: {
    retryable: true,
    meaning: 'The host name of an endpoint could not be resolved.',
    remedy: 'Correct the name, or find out why the resolver of the system does not answer.',
  },
  RIVULET_CONNECTION_LOST: {
    retryable: true,
    meaning: 'A connection was cut before both sides had closed it: what was in transit is lost.',
    remedy: 'Connect again; `reconnectStream` does. Only answers of the peer tell what has arrived.',
  },
  RIVULET_TRUNCATED_FRAME: {
    retryable: false,
    meaning: 'The peer closed its half of a byte stream in the middle of a frame, which was dropped.',
    remedy: 'Find out why the peer stopped, or whether both sides use the same framing.',
  },
  RIVULET_TOO_MANY_CONNECTIONS: {
    retryable: true,
    meaning: 'A listener has as many connections, or as many bytes of them, as it may, so it closed one.',
    remedy: 'Raise `maxConnections` or `maxBufferedBytes`, or find out who opens connections and does not use them.',
  },
  RIVULET_NOT_JOINED: {
    retryable: true,
    meaning: 'An interface has not joined a multicast group, or has gone; it joins when it can.',
    remedy: 'Bring the interface up, or correct its name in `multicast.interfaces`; `cause` is what the system said.',
  },
} as const
