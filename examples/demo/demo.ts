/**
 * The demonstration itself: opens the links, starts the processes, walks, deals out the files, and closes the books.
 *
 * How it knows that everything has arrived, without a clock: what is sent to one worker arrives in order. After the last
 * file it sends end markers. A worker that takes one has everything that was ever sent to it; it takes nothing more, so
 * the links of those that have finished fill up and further markers can only go to the others. When every living
 * worker has said that it has finished, no answer can come any more, and what is still open is lost.
 */
import { createSubscriber } from 'rivulet/pubsub'
import { createPull, createPush } from 'rivulet/queue'
import { filter, firstValueFrom, merge, startWith } from 'rxjs'
import { Board } from './board.js'
import { Children } from './children.js'
import { Crew, type Member } from './crew.js'
import { Ledger } from './ledger.js'
import type { DemoOptions } from './options.js'
import { Report, type Task, Task as TaskSchema } from './schemas.js'
import { type Summary, summarise } from './summary.js'
import { maxBatchMessages, outboxBytes, taskLink } from './task-link.js'
import { untilAborted } from './until-aborted.js'
import { Visit } from './visit.js'
import { walk } from './walk.js'

/** The state of a run, for whoever shows it; it changes all the time. */
export interface Scene {
  readonly directory: string
  readonly ledger: Ledger
  readonly crew: Crew
  readonly board: Pick<Board, 'entries'>
  readonly visit: Visit
  /** On the clock of `performance.now()`. */
  readonly startedMs: number
}

/** What a run tells while it goes on. */
export interface Audience {
  /** Everything is open; the scene may be looked at from now on. */
  opened(scene: Scene): void
  /** Something worth a line happened. */
  noted(line: string): void
}

// the port is chosen by the system; no file is made for it
const bind = 'tcp://127.0.0.1:*'

/** The share of the files that must be answered before a worker is killed. */
const killAfter = 1 / 3

/**
 * Runs the demonstration and resolves with its summary; rejects with the reason of the signal if that is aborted.
 *
 * Whatever happens, its processes have ended and its sockets are closed afterwards.
 */
export async function runDemo(options: DemoOptions, audience: Audience, signal: AbortSignal): Promise<Summary> {
  const startedMs = performance.now()
  const { directory } = options
  await using subscriber = await createSubscriber({ bind })
  await using reports = await createPull({ schema: Report, bind })
  await using tasks = await createPush({ schema: TaskSchema, bind, maxBatchMessages, outboxBytes, ...taskLink })
  await using children = new Children((line) => audience.noted(line))
  const sockets = [subscriber, reports, tasks]
  for (const { errors } of sockets) errors.subscribe(({ message }) => audience.noted(message))

  const board = new Board(subscriber)
  const ledger = new Ledger()
  const crew = new Crew()
  const visit = new Visit(ledger, (line) => audience.noted(line))
  const stop = new AbortController()
  const stopped = AbortSignal.any([signal, stop.signal])
  const killing = options.kill ? new Killing(ledger, crew) : undefined
  reports.messages.subscribe((report) => {
    ledger.close(report.outcome)
    const member = crew.heard(report)
    if (member) killing?.heard(member)
  })

  const visiting = visit.make(children.start('./catalogue', []), stopped)
  const publishing = children.start('./figures', [subscriber.endpoint])
  for (let worker = 0; worker < options.workers; worker++) {
    crew.add(children.start('./worker', [String(worker), tasks.endpoint, reports.endpoint, directory]))
  }
  crew.changes.subscribe((member) => audience.noted(changeText(member)))
  audience.opened({ directory, ledger, crew, board, visit, startedMs })

  const over = untilAborted(
    signal,
    firstValueFrom(
      crew.changes.pipe(
        startWith(undefined),
        filter(() => crew.working === 0),
      ),
    ),
  )
  const walking = walk(directory, (path) => ledger.enter(path), stopped).finally(() => ledger.completed())
  const dealing = dealOut()

  /** Sends every file, then end markers until nobody takes them. */
  async function dealOut(): Promise<void> {
    try {
      // everyone is there before the first file is dealt out, or has failed
      await firstValueFrom(
        merge(tasks.links, crew.changes).pipe(
          startWith(undefined),
          filter(() => tasks.connected >= crew.working),
        ),
      )
      await tasks.sendAll(ledger.tasks(), { signal: stopped })
      await tasks.sendAll(endMarkers(), { signal: stopped })
    } catch (error) {
      if (!stopped.aborted) throw error
    }
  }

  try {
    await Promise.race([over, dealing.then(() => over), visiting])
    ledger.settled()
    await untilAborted(signal, visiting)
    // a short run ends before the first figures come
    await untilAborted(signal, Promise.race([board.whenUsed(), publishing.ended]))
    return summarise({
      directory,
      ledger,
      members: crew.members,
      skipped: await walking,
      topics: board.entries,
      visit,
      inFlightLimit: tasks.stats().inFlightLimit.messages,
      seconds: (performance.now() - startedMs) / 1000,
    })
  } finally {
    stop.abort()
    crew.dismiss()
    await Promise.allSettled([dealing, walking, visiting])
    await children.end()
    // end markers wait for nobody
    await Promise.all(sockets.map((socket) => socket.close({ drain: false })))
  }
}

/** End markers without an end. */
function* endMarkers(): Generator<Task, undefined> {
  for (;;) yield { file: null }
}

/**
 * The kill: once, when the run is well under way, of a worker that has just said that it has more in work.
 *
 * Reports come many at a time; only what a worker said last tells what it is at.
 */
class Killing {
  readonly #ledger: Ledger
  readonly #crew: Crew
  readonly #heard = new Set<Member>()
  #done = false

  constructor(ledger: Ledger, crew: Crew) {
    this.#ledger = ledger
    this.#crew = crew
  }

  /** Takes note that a worker has reported; decides when everything that has come is read. */
  heard(member: Member): void {
    if (this.#done) return
    if (this.#heard.size === 0) setImmediate(() => this.#decide())
    this.#heard.add(member)
  }

  #decide(): void {
    const busy = [...this.#heard].filter(({ state, inWork }) => state === 'working' && inWork > 0)
    this.#heard.clear()
    const [victim] = busy.sort((a, b) => b.inWork - a.inWork)
    const { found, open, complete } = this.#ledger
    if (!victim || !complete || found - open < found * killAfter) return
    this.#done = true
    this.#crew.kill(victim)
  }
}

function changeText({ worker, pid, state, exit, inWork }: Member): string {
  const who = `worker ${worker} (pid ${pid})`
  if (state === 'finished') return `${who} has finished`
  if (state === 'killed' && exit === undefined) return `${who} is killed on purpose, with ${inWork} in work`
  return `${who} has ended${exit?.signal ? ` by ${exit.signal}` : ` with code ${exit?.code}`}`
}
