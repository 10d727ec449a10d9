/**
 * Headers that come again: most callers send the same with each call, so that they are written and read once.
 *
 * The places are few, and what an untrusted peer sends takes one of them for a while, and no more.
 */
type Headers = Readonly<Record<string, string>>

/** Longer ones are read each time, in bytes. */
const longest = 256

/** Places; a power of two. */
const places = 64

/** Where the bytes are that choose the place: behind the counts and lengths of short names. */
const firstSample = 20
const lastSample = 23

interface Read {
  readonly bytes: Buffer
  readonly headers: Headers
}

const written = new WeakMap<Headers, Buffer>()
const read: (Read | undefined)[] = new Array(places).fill(undefined)

/** Keeps the bytes of headers that will be written again. */
export function keepWritten(headers: Headers, bytes: Buffer): void {
  written.set(headers, bytes)
}

/** Returns the bytes of headers that were kept. */
export function writtenBefore(headers: Headers): Buffer | undefined {
  return written.get(headers)
}

/** Returns what was read of the same bytes before, and how many they are. */
export function readBefore(bytes: Buffer, position: number, end: number): Read | undefined {
  const known = read[placeOf(bytes, position, end)]
  if (known === undefined || position + known.bytes.length > end) return undefined
  const { bytes: before } = known
  for (let at = before.length - 1; at >= 0; at--) if (before[at] !== bytes[position + at]) return undefined
  return known
}

/** Keeps what was read; from then on it is for all calls with these bytes. */
export function keepRead(bytes: Buffer, position: number, end: number, behind: number, headers: Headers): void {
  if (behind - position > longest) return
  Object.freeze(headers)
  read[placeOf(bytes, position, end)] = { bytes: Buffer.from(bytes.subarray(position, behind)), headers }
}

function placeOf(bytes: Buffer, position: number, end: number): number {
  if (position + lastSample >= end) return 0
  let place = 0
  for (let at = firstSample; at <= lastSample; at++) place = place * 7 + (bytes[position + at] as number)
  return place & (places - 1)
}
