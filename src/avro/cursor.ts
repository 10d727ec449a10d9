/** The reading position: it has a file of its own so that the codec's contract and its parts can share it. */

/** The reading position in a buffer; `read` moves it. */
export interface Cursor {
  position: number
}
