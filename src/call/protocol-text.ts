/**
 * Texts of protocols in pieces that fit an item of stream 0, and back; a text from outside is held to the limit.
 */
import { protocolLimits } from '../avro/codec.js'
import { RecordBody } from '../session/index.js'
import { callKind } from './call-kinds.js'
import type { GuaranteedSends } from './guaranteed-sends.js'
import { CallText } from './schemas.js'

/** UTF-16 units in one piece: at most three bytes each, well below the 64 KiB of an item of stream 0. */
const pieceUnits = 16_384

/** Sends the text of the protocol of a binding. */
export function sendText(guaranteed: GuaranteedSends, binding: number, text: string): void {
  for (let start = 0; ; ) {
    let end = Math.min(start + pieceUnits, text.length)
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end -= 1
    const complete = end === text.length
    guaranteed.send(0, callKind.text, 0, new RecordBody(CallText, { binding, piece: text.slice(start, end), complete }))
    if (complete) return
    start = end
  }
}

/** Puts the pieces of one text together: there is one at a time. */
export class TextAssembly {
  #binding = -1
  #text = ''

  /** Takes a piece; returns the text if that is complete, and `undefined` if not or if it is too long. */
  take({ binding, piece, complete }: CallText): string | undefined {
    if (binding !== this.#binding) {
      this.#binding = binding
      this.#text = ''
    }
    // a text beyond the limit stays so, and `against` refuses it
    if (this.#text.length <= protocolLimits.textBytes) this.#text += piece
    if (!complete) return undefined
    const text = this.#text
    this.#binding = -1
    this.#text = ''
    return text
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}
