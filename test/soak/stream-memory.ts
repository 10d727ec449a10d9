/**
 * `npm run soak -- stream-memory [--messages N]`: offers a million messages to a peer of a byte stream that never reads.
 *
 * Held: the process grows by less than 64 MB, and each message is accepted or counted as refused.
 */
import { parseArgs } from 'node:util'
import { offerToNobody } from '../socket-stream/never-reads.js'
import { total } from '../support/events.js'

const mostBytes = 64_000_000

const { values } = parseArgs({ options: { messages: { type: 'string', default: '1000000' } } })
const messages = Number(values.messages)
const { stats, growthBytes } = await offerToNobody(messages)
const { accepted, refused, pendingBytes } = stats.outgoing
const counted = accepted + total(refused)
console.log(
  `${messages} messages offered: ${accepted} accepted, ${total(refused)} refused, ${pendingBytes} bytes wait; the process grew by ${(growthBytes / 1e6).toFixed(1)} MB`,
)
if (growthBytes >= mostBytes || counted !== messages) {
  console.log(`FAILED: at most ${mostBytes / 1e6} MB, and ${messages} counted, not ${counted}`)
  process.exitCode = 1
}
