/**
 * `npm run soak -- messaging-faults [--peers N] [--resets N] [--holes N] [--between N] [--seed N] [--json]`: six peers that all
 * send and ask each other, with a bad network between each two of them.
 *
 * Held: under load no reset and no black hole loses, doubles or reorders a message or fails a send; each ask runs once and is
 * answered; no peer is seen to leave. `--between N` is how much each pair sends, in each direction, between two faults.
 */
import { parseArgs } from 'node:util'
import { peerFaults } from '../messaging/peer-faults.js'

const count = (fallback: string) => ({ type: 'string', default: fallback }) as const

const { values } = parseArgs({
  options: {
    peers: count('6'),
    resets: count('100'),
    holes: count('5'),
    between: count('20'),
    seed: count(String(Date.now() % 1_000_000)),
    json: { type: 'boolean' },
  },
})

const [peers, resets, holes] = [Number(values.peers), Number(values.resets), Number(values.holes)]
const [between, seed] = [Number(values.between), Number(values.seed)]
const started = performance.now()
const report = await peerFaults({ peers, resets, holes, holeMs: 500, seed, between })
const { messages, asks, connections, left } = report
const faults = left > 0 ? [...report.faults, `peers were seen to leave ${left} times`] : report.faults
if (values.json) {
  console.log(JSON.stringify({ peers, resets, holes, seed, ...report, faults }))
} else {
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const figures = `${peers} peers, ${resets} resets, ${holes} holes, ${connections} connections, seed ${seed}`
  const verdict = faults.length > 0 ? `FAILED: ${faults.slice(0, 5).join('; ')}` : 'ok'
  console.log(`${figures} | ${messages} messages, ${asks} asks | ${seconds} s | ${verdict}`)
}
if (faults.length > 0) process.exitCode = 1
