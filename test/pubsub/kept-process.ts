/**
 * A publisher with its history on disk, in a process that is killed: publishes in bursts on some topics, and flushes.
 *
 * Arguments: where it binds, its folder, where its history is served, the id of its first message, a seed. It says in lines, on
 * descriptor 3: `b ENDPOINT` it is bound, `f TOPIC ID SEQUENCE …` messages whose flush has resolved. A line is in the hands of
 * the system when `say` returns, so that no kill takes it back.
 */
import { writeSync } from 'node:fs'
import { createPublisher } from '../../patterns/pubsub/index.js'
import { seeded } from '../support/seeded.js'
import { Old } from './schemas.js'

const [bind = '', path = '', links = '', firstId = '1', seed = '1'] = process.argv.slice(2)

function say(line: string): void {
  const bytes = Buffer.from(`${line}\n`, 'latin1')
  for (let at = 0; at < bytes.length; ) at += writeSync(3, bytes, at)
}

process.on('disconnect', () => process.exit())
const random = seeded(Number(seed))
const publisher = await createPublisher({ bind, history: { path, bind: links } })
say(`b ${publisher.endpoint}`)
let id = Number(firstId)
const topics = ['a', 'b.x', 'b.y', 'c'].map((name) => publisher.topic(name, Old))
for (;;) {
  const unflushed: string[] = []
  for (let burst = 1 + Math.floor(random() * 20); burst > 0; burst--) {
    const topic = topics[Math.floor(random() * topics.length)]
    for (let count = 1 + Math.floor(random() * 40); count > 0 && topic; count--) {
      unflushed.push(`${topic.name} ${id}`)
      await (random() < 0.05 ? topic.retain({ id: id++ }) : topic.send({ id: id++ }))
    }
    if (random() < 0.3) await new Promise(setImmediate)
  }
  await publisher.flush()
  say(`f ${unflushed.join(' ')}`)
}
