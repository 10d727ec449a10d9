/** Names the protocol of a peer that is none of ours, by its first bytes: for messages, and for nothing else. */

/** What the first four bytes of other protocols are, in hexadecimal digits or as text. */
const protocols: readonly (readonly [name: string, digits: RegExp | undefined, text: RegExp | undefined])[] = [
  ['HTTP', undefined, /^(?:GET |POST|PUT |HEAD|DELE|OPTI|PATC|CONN|HTTP|PRI )/],
  ['TLS', /^16030[0-4]/, undefined],
  ['ZeroMQ', /^ff000000/, undefined],
  ['SSH', undefined, /^SSH-/],
  ['JSON', undefined, /^[[{]/],
  ['text', undefined, /^[\t\n\r -~]{4}$/],
]

/** Returns what the peer seems to speak; the empty text if that is not known. */
export function foreignProtocol(firstBytes: Buffer): string {
  const [digits, text] = [firstBytes.toString('hex', 0, 4), firstBytes.toString('latin1', 0, 4)]
  return protocols.find(([, inDigits, inText]) => inDigits?.test(digits) || inText?.test(text))?.[0] ?? ''
}
