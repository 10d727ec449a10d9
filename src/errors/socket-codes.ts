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
} as const
