/** The error codes of the history of topics. `codes.ts` has all codes, these among them. */

/** The codes of the history of topics. */
export const topicEntries = {
  RIVULET_NO_HISTORY: {
    retryable: true,
    meaning: 'The publisher or hub keeps no history of the publisher that was asked for.',
    remedy: 'Give the publisher `history`; with `history.path` it keeps its history over a restart.',
  },
  RIVULET_MESSAGES_MISSED: {
    retryable: false,
    meaning: 'A subscriber of a publisher has missed messages that could not be repaired, and reports it.',
    remedy: 'Keep more in `history`, raise `highWaterMark`, or find out which subscriber does not keep up.',
  },
} as const
