/** Logs on disk: a second process is refused, `kill -9` takes nothing that was confirmed, and damage stays where it is. */
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { RivuletError } from '../../src/errors/index.js'
import { root } from '../../tools/build.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { append, FrameSource, said } from './topic-log-frames.js'
import { folderOf, openStored } from './topic-logs.js'

const source = '0123456789abcdef'
const all = [{ pattern: '#' }]

t.test('one at a time has a folder', async (t) => {
  const path = folderOf(t)
  await openStored(t, path)
  await t.rejects(openStored(t, path), { code: 'RIVULET_STORE_LOCKED' })
})

t.test('logs that are opened again continue', async (t) => {
  const path = folderOf(t)
  const { logs } = await openStored(t, path, { maxMessages: 2 })
  const frames = new FrameSource()
  await append(logs.log(source), frames.frame('x'), frames.frame('y', 1, { isRetained: true }), frames.frame('z', 2))
  await logs.close()
  const { logs: again } = await openStored(t, path, { maxMessages: 2 })
  t.strictSame([...again.sources()], [source])
  const log = again.log(source)
  t.equal(log.position, 4)
  t.strictSame(said(log.replay(all)), ['x to 1@1', 'y to 1@2', 'z:1+2@3'])
  t.strictSame(said(log.replay([{ pattern: '#', retained: true }])), ['y:1+1@2'])
  t.strictSame([...log.ends()].map(({ topic, sequence }) => `${topic} ${sequence}`).sort(), ['x 1', 'y 1', 'z 2'])
})

t.test('a damaged frame is reported, and given up in its place', async (t) => {
  const path = folderOf(t)
  const { logs } = await openStored(t, path)
  const frames = new FrameSource()
  const kept = frames.frame('x', 2)
  const damaged = { ...frames.frame('x', 3), bytes: Buffer.from('here it is: damage-me-here') }
  await append(logs.log(source), kept, damaged, frames.frame('y'), frames.frame('x'))
  await logs.close()
  const file = join(path, 'data.mdb')
  const bytes = readFileSync(file)
  let found = 0
  for (let at = bytes.indexOf('damage-me-here'); at >= 0; at = bytes.indexOf('damage-me-here', at + 1)) {
    bytes.write('DAMAGE', at)
    found++
  }
  t.ok(found > 0)
  writeFileSync(file, bytes)
  const errors: RivuletError[] = []
  const { logs: again } = await openStored(
    t,
    path,
    {},
    { clock: new VirtualClock(), report: (error) => errors.push(error) },
  )
  const log = again.log(source)
  t.match(errors, [{ code: 'RIVULET_STORE_CORRUPT' }])
  t.match(again.stats(), { messages: 4, expired: 3 })
  for (const pattern of ['#', 'x']) {
    t.strictSame(
      said(log.replay([{ pattern }])).filter((text) => text[0] === 'x'),
      ['x:1+2@1', 'x to 5@5', 'x:6+1@7'],
    )
  }
  t.equal(log.position, 7)
})

t.test('kill -9 takes nothing that was confirmed', async (t) => {
  const path = folderOf(t)
  for (let round = 0; round < 3; round++) {
    const confirmed = await appendAndKill(path, 300 + round * 200)
    const { logs } = await openStored(t, path, { maxMessages: 500 })
    const log = logs.log(source)
    const ends = new Map([...log.ends()].map((end) => [end.topic, end]))
    const kept = new Map<string, number>()
    for (const text of said(log.replay(all))) kept.set(text.split(/[: ]/)[0] as string, 1)
    const faults = confirmed.filter(({ topic, sequence, position }) => {
      const end = ends.get(topic)
      return (
        end === undefined ||
        end.sequence < sequence ||
        end.position < position ||
        log.position < position ||
        !kept.has(topic)
      )
    })
    t.strictSame(faults, [], `round ${round}`)
    t.ok(confirmed.length > 200)
    await logs.close()
  }
})

/** Lets a process append until so many lines are there, kills it, and returns what it has confirmed. */
async function appendAndKill(path: string, lines: number) {
  const program = join(root, 'test', 'pubsub', 'stored-logs-process.ts')
  const args = ['-u', 'NODE_OPTIONS', process.execPath, '--import=tsx', program, path, source]
  const child = spawn('env', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('latin1').on('data', (more: string) => {
    text += more
    if (text.split('\n').length > lines) child.kill('SIGKILL')
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== null) throw new Error(`the process ended with ${code}`)
  // the last line may have been cut
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [topic = '', sequence, position] = line.split(' ')
      return { topic, sequence: Number(sequence), position: Number(position) }
    })
}
