/**
 * A process that appends to a log on disk until it is killed, and writes a line for each frame that is confirmed.
 *
 * Run as `stored-logs-process.ts FOLDER SOURCE`.
 */
import { openStoredTopicLogs } from '../../patterns/pubsub/open-topic-logs.js'
import { systemClock } from '../../src/clock/index.js'
import { FrameSource } from './topic-log-frames.js'
import { unbounded } from './topic-logs.js'

const [path = '', source = ''] = process.argv.slice(2)
const logs = await openStoredTopicLogs({
  ...unbounded,
  maxMessages: 500,
  maxBytes: 2 ** 26,
  path,
  clock: systemClock,
  report: (error) => {
    throw error
  },
})
const log = logs.log(source)
const frames = new FrameSource(log.ends(), log.position)

async function appendForEver(lane: number): Promise<never> {
  for (let count = 1; ; count++) {
    const topic = `t.${(count * 7 + lane) % 40}`
    const frame = frames.frame(topic, 1 + (count % 3), { time: Date.now(), isRetained: false, size: count % 200 })
    await log.append(frame)
    process.stdout.write(`${topic} ${frame.sequence + frame.count - 1} ${frame.position + frame.count - 1}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, (_, lane) => appendForEver(lane)))
