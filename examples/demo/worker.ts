/**
 * A process of the demonstration: takes files from the queue, hashes them, and reports what became of each.
 *
 * Arguments: its number, the endpoints of the tasks and of the reports, the directory. It knows that it has everything
 * when it takes an end marker, because what was sent to it arrives in order. From then on it takes nothing more, so that
 * further markers go to others; it reports that it has finished and lives until the process that started it lets it go.
 */
import { join } from 'node:path'
import { createPull, createPush } from 'rivulet/queue'
import { firstValueFrom } from 'rxjs'
import { codeOf, hashFile } from './hash.js'
import { parentGone } from './lifeline.js'
import { type File, type Outcome, Report, Task } from './schemas.js'
import { taskLink } from './task-link.js'

const filesAtOnce = 8

const [number = '', tasksEndpoint = '', reportsEndpoint = '', directory = ''] = process.argv.slice(2)
const gone = parentGone()
const reports = await createPush({ schema: Report, connect: reportsEndpoint })
const tasks = await createPull({ schema: Task, connect: tasksEndpoint, ...taskLink })

const letGo = firstValueFrom(gone)
let inWork = 0
let answered = 0
let marked = false
let finished = false

const work = tasks.messages.process(take, { concurrency: filesAtOnce }).subscribe()
await letGo
work.unsubscribe() // nobody waits for what is still in work
await Promise.all([tasks.close({ drain: false }), reports.close({ drain: false })])

async function take({ file }: Task): Promise<void> {
  if (file === null) {
    marked = true
    await finishIfIdle()
    // an end marker keeps its place among the files in work: when all places are taken, nothing more is read
    await letGo
    return
  }
  inWork += 1
  const outcome = await hash(file)
  await report(outcome, inWork - 1)
  inWork -= 1
  answered += 1
  await finishIfIdle()
}

async function hash({ id, path }: File): Promise<Outcome> {
  try {
    return { Hashed: { id, ...(await hashFile(join(directory, path))) } }
  } catch (error) {
    return { Unreadable: { id, code: codeOf(error) } }
  }
}

/** Everything else was reported before: reports leave in order, and a file is in work until its report has left. */
async function finishIfIdle(): Promise<void> {
  if (!marked || inWork > 0 || finished) return
  finished = true
  await report({ Finished: { answered } }, 0)
}

function report(outcome: Outcome, others: number): Promise<void> {
  return reports.send({ worker: Number(number), inWork: others, outcome })
}
