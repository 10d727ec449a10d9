/**
 * `npm run soak -- messaging-kills [--rounds N] [--binding N] [--connecting N] [--between N] [--seed S] [--json]`: peers
 * in processes that are killed.
 *
 * Three processes that bind and dial each other and three that dial these send each other messages without a pause; in each round one
 * or two of them are killed (`kill -9`) and started again. Held: each confirmed message is in the mailbox of its receiver once, in order,
 * unless the process of the receiver was killed; a message has no known outcome only if its receiver was killed, and comes to no other
 * incarnation then; after a kill all is delivered again; every peer sees a killed one leave once, within two heartbeats, and its
 * successor join once; and nobody else is seen to leave. A process that has stalled itself gives others a fresh period: such late ones
 * are counted.
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { plainPath, writePlain } from '../../tools/plain.js'
import { killedPeers, killedProgram } from '../messaging/killed-peers.js'

const count = (fallback: string) => ({ type: 'string', default: fallback }) as const

const { values } = parseArgs({
  options: {
    rounds: count('40'),
    binding: count('3'),
    connecting: count('3'),
    between: count('200'),
    seed: count(String(Date.now() % 1_000_000)),
    json: { type: 'boolean' },
  },
})
const [rounds, binding, connecting] = [Number(values.rounds), Number(values.binding), Number(values.connecting)]
const [between, seed] = [Number(values.between), Number(values.seed)]
const [leftLimitMs, beforeStartMs] = [2000, 1500]

// without a loader, so that a process that was killed is back soon
const plain = writePlain()
const started = performance.now()
const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(0)} s`
try {
  const report = await killedPeers({
    rounds,
    binding,
    connecting,
    seed,
    between,
    leftLimitMs,
    beforeStartMs,
    program: [plainPath(plain, killedProgram)],
    progress(round, { confirmed, leftMs, backMs }) {
      if (!values.json)
        console.log(`round ${round}: ${confirmed} confirmed, left in ${leftMs} ms, back in ${backMs} ms, ${seconds()}`)
    },
  })
  const { confirmed, unknown, kills, stalled, faults } = report
  if (values.json) {
    console.log(JSON.stringify({ rounds, binding, connecting, seed, ...report }))
  } else {
    const killed = `killed: binding ${kills.binding}, connecting ${kills.connecting}, seed ${seed}`
    const verdict = faults.length > 0 ? `FAILED: ${faults.slice(0, 5).join('; ')}` : 'ok'
    console.log(
      `${killed} | ${confirmed} messages, ${unknown} without a known outcome, ${stalled} late since they stalled | ${seconds()} | ${verdict}`,
    )
  }
  if (faults.length > 0) process.exitCode = 1
} finally {
  rmSync(plain, { recursive: true })
}
