/** The Python programs of docs/recipes/python-peer.md, as they stand there, beside a push and a pull. */
import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { lastValueFrom, take, toArray } from 'rxjs'
import t, { type Test } from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { defineSchema, record } from '../../src/avro/index.js'
import { root } from '../../tools/build.js'
import { complaint, run } from '../child-process.js'
import { python } from '../support/system-packages.js'
import { withPython } from './python.js'

const timeoutMs = 60_000
const Job = defineSchema(record('Job', { id: 'int', text: 'string' }))
const jobs = [
  { id: 1, text: 'hello' },
  { id: 2, text: 'world' },
]

const page = readFileSync(join(root, 'docs/recipes/python-peer.md'), 'utf8')
const programs = Object.fromEntries(
  [...page.matchAll(/^```py\n(# (\w+\.py).*\n[^`]*)```$/gm)].map(([, code = '', name = '']) => [name, code]),
)

/** A folder as a reader has it, with the package; `python` runs a program of the page in it. */
function folderOf(t: Test): (name: string, ...args: string[]) => Promise<string> {
  const cwd = t.testdir({ ...programs, node_modules: {} })
  symlinkSync(root, join(cwd, 'node_modules', 'rivulet'), 'dir')
  return async (name, ...args) => {
    const ended = await run(python, ['-B', name, ...args], { cwd, timeoutMs })
    const wrong = complaint(ended)
    if (wrong !== undefined) throw new Error(`${name} ${wrong}`)
    return ended.stdout
  }
}

t.test('the worker of the page takes what a push sends', withPython, async (t) => {
  await using push = await createPush({ schema: Job, bind: 'tcp://127.0.0.1:*', maxBatchMessages: 1 })
  const working = folderOf(t)('worker.py', push.endpoint, '2')
  await Promise.race([push.whenConnected(), working])
  await push.sendAll(jobs)
  t.equal(await working, '1 hello\n2 world\n')
})

t.test('a pull takes what the producer of the page sends', withPython, async (t) => {
  await using pull = await createPull({ schema: Job, bind: 'tcp://127.0.0.1:*' })
  const seen = lastValueFrom(pull.messages.pipe(take(jobs.length), toArray()))
  const producing = folderOf(t)('producer.py', pull.endpoint)
  t.strictSame(await Promise.race([seen, producing.then(() => seen)]), jobs)
  await producing
  t.strictSame(pull.stats().rejectedFrames, {})
})
