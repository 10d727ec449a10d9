/**
 * Decodes short ASCII text, which most strings of messages are, several times as fast as any decoder of the platform.
 *
 * Spelled out by length: one call with all its arguments is what V8 makes quick.
 */
const fromCharCode = String.fromCharCode

/** Reads a byte that is known to be there. */
const at = (bytes: Buffer, position: number): number => bytes[position] as number

/** Returns ASCII text of at most 16 bytes, quicker than any decoder; `undefined` if it is not ASCII. */
export function shortAscii(b: Buffer, p: number, length: number): string | undefined {
  let all = 0
  for (let i = 0; i < length; i++) all |= b[p + i] as number
  if (all & 0x80) return undefined
  switch (length) {
    case 0:
      return ''
    case 1:
      return fromCharCode(at(b, p))
    case 2:
      return fromCharCode(at(b, p), at(b, p + 1))
    case 3:
      return fromCharCode(at(b, p), at(b, p + 1), at(b, p + 2))
    case 4:
      return fromCharCode(at(b, p), at(b, p + 1), at(b, p + 2), at(b, p + 3))
    case 5:
      return fromCharCode(at(b, p), at(b, p + 1), at(b, p + 2), at(b, p + 3), at(b, p + 4))
    case 6:
      return fromCharCode(at(b, p), at(b, p + 1), at(b, p + 2), at(b, p + 3), at(b, p + 4), at(b, p + 5))
    case 7:
      return fromCharCode(at(b, p), at(b, p + 1), at(b, p + 2), at(b, p + 3), at(b, p + 4), at(b, p + 5), at(b, p + 6))
    case 8:
      return fromCharCode(
        at(b, p),
        at(b, p + 1),
        at(b, p + 2),
        at(b, p + 3),
        at(b, p + 4),
        at(b, p + 5),
        at(b, p + 6),
        at(b, p + 7),
      )
    case 9:
      return fromCharCode(
        at(b, p),
        at(b, p + 1),
        at(b, p + 2),
        at(b, p + 3),
        at(b, p + 4),
        at(b, p + 5),
        at(b, p + 6),
        at(b, p + 7),
        at(b, p + 8),
      )
    case 10:
      return fromCharCode(
        at(b, p),
        at(b, p + 1),
        at(b, p + 2),
        at(b, p + 3),
        at(b, p + 4),
        at(b, p + 5),
        at(b, p + 6),
        at(b, p + 7),
        at(b, p + 8),
        at(b, p + 9),
      )
    case 11:
      return fromCharCode(
        at(b, p),
        at(b, p + 1),
        at(b, p + 2),
        at(b, p + 3),
        at(b, p + 4),
        at(b, p + 5),
        at(b, p + 6),
        at(b, p + 7),
        at(b, p + 8),
        at(b, p + 9),
        at(b, p + 10),
      )
    case 12:
      return fromCharCode(
        at(b, p),
        at(b, p + 1),
        at(b, p + 2),
        at(b, p + 3),
        at(b, p + 4),
        at(b, p + 5),
        at(b, p + 6),
        at(b, p + 7),
        at(b, p + 8),
        at(b, p + 9),
        at(b, p + 10),
        at(b, p + 11),
      )
    case 13:
      return fromCharCode(
        at(b, p),
        at(b, p + 1),
        at(b, p + 2),
        at(b, p + 3),
        at(b, p + 4),
        at(b, p + 5),
        at(b, p + 6),
        at(b, p + 7),
        at(b, p + 8),
        at(b, p + 9),
        at(b, p + 10),
        at(b, p + 11),
        at(b, p + 12),
      )
    case 14:
      return fromCharCode(
        at(b, p),
        at(b, p + 1),
        at(b, p + 2),
        at(b, p + 3),
        at(b, p + 4),
        at(b, p + 5),
        at(b, p + 6),
        at(b, p + 7),
        at(b, p + 8),
        at(b, p + 9),
        at(b, p + 10),
        at(b, p + 11),
        at(b, p + 12),
        at(b, p + 13),
      )
    case 15:
      return fromCharCode(
        at(b, p),
        at(b, p + 1),
        at(b, p + 2),
        at(b, p + 3),
        at(b, p + 4),
        at(b, p + 5),
        at(b, p + 6),
        at(b, p + 7),
        at(b, p + 8),
        at(b, p + 9),
        at(b, p + 10),
        at(b, p + 11),
        at(b, p + 12),
        at(b, p + 13),
        at(b, p + 14),
      )
    default:
      return fromCharCode(
        at(b, p),
        at(b, p + 1),
        at(b, p + 2),
        at(b, p + 3),
        at(b, p + 4),
        at(b, p + 5),
        at(b, p + 6),
        at(b, p + 7),
        at(b, p + 8),
        at(b, p + 9),
        at(b, p + 10),
        at(b, p + 11),
        at(b, p + 12),
        at(b, p + 13),
        at(b, p + 14),
        at(b, p + 15),
      )
  }
}
