/** The error codes of the history of topics. `codes.ts` has all codes, these among them. */

/** The codes of the history of topics. */
export const topicEntries = {
  RIVULET_NO_HISTORY: {
    retryable: true,
    meaning: 'The publisher or hub keeps no history of the publisher that was asked for.',
    remedy: 'Give the publisher `history`; with `history.path` it keeps its history over a restart.',
  },
} as const
