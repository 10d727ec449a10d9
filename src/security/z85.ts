/**
 * Z85 (RFC 32/Z85): 4 bytes as 5 printable characters, the text form of CURVE keys.
 *
 * Strict: each byte sequence has one text, so that two texts of one key cannot exist.
 */
const alphabet = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#'
const digits = new Map([...alphabet].map((character, digit) => [character, digit]))
const largestWord = 0xffff_ffff

/** Writes bytes as text; their number must be a multiple of 4. */
export function z85Encode(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let text = ''
  for (let at = 0; at < bytes.length; at += 4) {
    let word = view.getUint32(at)
    let group = ''
    for (let place = 0; place < 5; place++) {
      group = alphabet.charAt(word % 85) + group
      word = Math.floor(word / 85)
    }
    text += group
  }
  return text
}

/** Reads text as bytes; `undefined` if it is not Z85. */
export function z85Decode(text: string): Buffer | undefined {
  if (text.length % 5 !== 0) return undefined
  const bytes = Buffer.alloc((text.length / 5) * 4)
  for (let at = 0; at < text.length; at += 5) {
    let word = 0
    for (let place = 0; place < 5; place++) {
      const digit = digits.get(text.charAt(at + place))
      if (digit === undefined) return undefined
      word = word * 85 + digit
    }
    if (word > largestWord) return undefined
    bytes.writeUInt32BE(word, (at / 5) * 4)
  }
  return bytes
}
