/**
 * The demonstration itself: starts the processes, walks, puts every file into the queue, and closes the books.
 *
 * Everything that matters goes through the durable queue: files to the workers, reports back. So it is over when every file
 * that was found has its answer and the queue is empty, whoever was killed on the way: there are no markers and no guesses.
 */
import { createSubscriber } from 'rivulet/pubsub'
import { createConsumer, createProducer } from 'rivulet/queue'
import { filter, firstValueFrom, Subject, startWith } from 'rxjs'
import { Board } from './board.js'
import { Children } from './children.js'
import { Crew, type Member } from './crew.js'
import { Killing } from './killing.js'
import { Ledger } from './ledger.js'
import type { DemoOptions } from './options.js'
import { QueueBook } from './queue-book.js'
import { QueueKeeper } from './queue-keeper.js'
import { Batch, Report } from './schemas.js'
import { type Summary, summarise } from './summary.js'
import { TemporaryFolder } from './temporary-folder.js'
import { untilAborted } from './until-aborted.js'
import { Visit } from './visit.js'
import { walk } from './walk.js'
import { filesPerBatch, filesQueue, reportsQueue } from './work-queue.js'

/** The state of a run, for whoever shows it; it changes all the time. */
export interface Scene {
  readonly directory: string
  readonly ledger: Ledger
  readonly crew: Crew
  readonly queue: Pick<QueueBook, 'files' | 'reports'>
  readonly keeper: Pick<QueueKeeper, 'restarts'>
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

/**
 * Runs the demonstration and resolves with its summary; rejects with the reason of the signal if that is aborted.
 *
 * Whatever happens, its processes have ended, its sockets are closed and its temporary folder is gone afterwards.
 */
export async function runDemo(options: DemoOptions, audience: Audience, signal: AbortSignal): Promise<Summary> {
  const startedMs = performance.now()
  const { directory } = options
  const noted = (line: string) => audience.noted(line)
  await using folder = await TemporaryFolder.make()
  await using subscriber = await createSubscriber({ bind })
  await using children = new Children(noted)
  const keeper = new QueueKeeper({ children, folder: folder.path, figuresEndpoint: subscriber.endpoint, noted })
  const connect = await keeper.begin(signal)
  await using batches = await createProducer({ connect, queue: filesQueue, schema: Batch })
  await using reports = await createConsumer({ connect, queue: reportsQueue, schema: Report })
  const sockets = [subscriber, reports, batches]
  for (const { errors } of sockets) errors.subscribe(({ message }) => noted(message))

  const board = new Board(subscriber)
  const queue = new QueueBook(subscriber)
  const ledger = new Ledger()
  const crew = new Crew()
  const visit = new Visit(ledger, noted)
  const stop = new AbortController()
  const stopped = AbortSignal.any([signal, stop.signal])
  const { killWorker, killQueue } = options
  const killing = new Killing({ ledger, crew: killWorker ? crew : undefined, keeper: killQueue ? keeper : undefined })
  const answered = new Subject<void>()
  const answering = reports.process((report, { position }) => {
    if (!ledger.take(report, position)) return
    const member = crew.heard(report)
    if (member) killing.heard(member)
    answered.next()
  })
  answering.subscribe()

  const visiting = visit.make(children.start('./catalogue', []), stopped)
  const publishing = children.start('./figures', [subscriber.endpoint])
  for (let worker = 0; worker < options.workers; worker++) {
    crew.add(children.start('./worker', [String(worker), connect, directory]))
  }
  crew.changes.subscribe((member) => noted(changeText(member)))
  audience.opened({ directory, ledger, crew, queue, keeper, board, visit, startedMs })

  const keeping = keeper.keep(stopped)
  const walking = walk(directory, (path) => ledger.enter(path), stopped).finally(() => ledger.completed())
  const working = work()
  const unmanned = firstValueFrom(crew.changes.pipe(filter(() => crew.working === 0)))

  /** Puts every file into the queue; resolves when all have their answer, and the queue is empty. */
  async function work(): Promise<void> {
    const { dropped } = await batches.sendAll(ledger.batches(filesPerBatch), { signal: stopped })
    if (dropped > 0) throw new Error('the queue has not taken everything')
    const isAnswered = () => ledger.open === 0
    await firstValueFrom(answered.pipe(startWith(undefined), filter(isAnswered)))
    // work that is done twice is waited for as well
    await queue.whenEmpty()
  }

  try {
    await untilAborted(signal, Promise.race([working, unmanned, keeping, visiting]))
    crew.dismiss()
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
      queue,
      keeper,
      seconds: (performance.now() - startedMs) / 1000,
    })
  } finally {
    stop.abort()
    crew.dismiss()
    await Promise.allSettled([walking, visiting, keeping])
    // what is on its way waits for nobody
    await Promise.all(sockets.map((socket) => socket.close({ drain: false })))
    await children.end()
  }
}

function changeText({ worker, pid, state, exit, inWork }: Member): string {
  const who = `worker ${worker} (pid ${pid})`
  if (state === 'finished') return `${who} has finished`
  if (state === 'killed' && exit === undefined) return `${who} is killed on purpose, with ${inWork} in work`
  return `${who} has ended${exit?.signal ? ` by ${exit.signal}` : ` with code ${exit?.code}`}`
}
