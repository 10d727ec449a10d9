/** What peers of other protocols, and of early versions of ZMTP, say first; after a greeting of these comes a message. */
import { seeded } from './seeded.js'

const random = seeded(11)
const noise = (first: number) => Buffer.from([first, ...Array.from({ length: 399 }, () => Math.floor(random() * 256))])

/** The bytes, by the name of the protocol. */
export const openings: Readonly<Record<string, Buffer>> = {
  http: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n'),
  tls: Buffer.from(`16030100c8010000c40303${'5a'.repeat(196)}`, 'hex'),
  'zmtp 1': Buffer.from(`0100${'0500'}${'4a'.repeat(4)}`, 'hex'),
  'zmtp 1 with an identity': Buffer.from('ff00000000000000067e6f74686572', 'hex'),
  'zmtp 2 with a socket type': Buffer.from(`ff00000000000000017f01070000${'0004'}${'4a'.repeat(4)}`, 'hex'),
  'zmtp 2': Buffer.from(`ff00000000000000017f02080000${'0004'}${'4a'.repeat(4)}`, 'hex'),
  noise: noise(0x2a),
  'noise that begins as a greeting': noise(0xff),
}
