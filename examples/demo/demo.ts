/**
 * A run of the demonstration: starts the processes, sends every file through the durable queue, and accounts for it.
 *
 * The run is complete when every file that was found has a result and both queues are empty, whatever was killed.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDirectory, createDirectoryHost } from 'rivulet/directory'
import { createSubscriber } from 'rivulet/pubsub'
import { createConsumer, createProducer, createPull } from 'rivulet/queue'
import { createRpcClient } from 'rivulet/rpc'
import { filter, firstValueFrom, Subject, startWith } from 'rxjs'
import { Calls } from './calls.js'
import { Children } from './children.js'
import { Figures } from './figures.js'
import { milliseconds, plural } from './format.js'
import { Keyring } from './keyring.js'
import { Ledger, walk } from './ledger.js'
import type { DemoOptions } from './options.js'
import { exitText, QueueHostProcess, type Worker, Workers } from './processes.js'
import type { View } from './progress.js'
import { Activity, Batch, Catalogue, Report } from './schemas.js'
import { type Run, type Summary, summarise } from './summary.js'

const bind = 'tcp://127.0.0.1:*'
const filesPerBatch = 16

/** The shares of the files that have a result before a worker, and before the queue host, is killed. */
const killWorkerAt = 1 / 3
const killHostAt = 1 / 2

/**
 * Runs the demonstration; resolves with its summary, or rejects with the reason of the signal.
 *
 * Afterwards its processes have ended, its sockets are closed and its temporary folder is removed.
 */
export async function runDemo(options: DemoOptions, view: View, signal: AbortSignal): Promise<Summary> {
  const startedMs = performance.now()
  const { directory } = options
  const note = (line: string) => view.note(line)
  const stop = new AbortController()
  const stopped = AbortSignal.any([signal, stop.signal])
  const keyring = Keyring.make(options.secure)
  const closing = { signal: stopped } // an abort closes a resource without draining
  await using folder = await temporaryFolder()
  await using children = new Children(keyring, note)
  await using subscriber = await createSubscriber({ bind, ...keyring.binding, ...closing })
  await using finder = await createDirectoryHost({ bind, ...keyring.binding, ...closing })
  const endpoints = [finder.endpoint, subscriber.endpoint]
  const host = new QueueHostProcess((at) => children.start('queue-host', at, folder.path, ...endpoints), note)
  const catalogueChild = children.start('catalogue', ...endpoints)
  await using processes = await createDirectory({
    connect: finder.endpoint,
    ...keyring.connectingTo('main'),
    ...closing,
  })
  await host.open(signal)
  const toHost = { connect: processes.endpoints('queues'), ...keyring.connecting }
  await using activity = await createPull({ bind, schema: Activity, ...keyring.binding, ...closing })
  await using batches = await createProducer({ ...toHost, queue: 'files', schema: Batch, ...closing })
  await using reports = await createConsumer({ ...toHost, queue: 'reports', schema: Report, ...closing })
  if ((await catalogueChild.endpoint) === undefined) throw new Error('the catalogue did not start')
  await using catalogue = await createRpcClient(Catalogue, {
    connect: processes.endpoints('catalogue'),
    ...keyring.connecting,
    ...closing,
  })
  using _ = { [Symbol.dispose]: () => stop.abort() } // the last one is the first to be disposed of
  for (const { errors } of [subscriber, finder, processes, activity, batches, reports, catalogue]) {
    errors.subscribe(({ message }) => note(message))
  }

  const figures = new Figures(subscriber)
  const ledger = new Ledger()
  const workers = new Workers()
  const calls = new Calls(ledger)
  const run: Run = { directory, ledger, workers, host, figures, calls, activity: '', startedMs }
  const reported = new Subject<void>()
  for (let worker = 0; worker < options.workers; worker++) {
    workers.add(children.start('worker', String(worker), finder.endpoint, activity.endpoint, directory))
  }
  workers.changes.subscribe((worker) => note(changeText(worker)))
  activity.messages.subscribe((text) => {
    run.activity = text
  })
  reports
    .process((report, { position }) => {
      if (!ledger.take(report, position)) return
      workers.reported(report)
      reported.next()
      kill()
    })
    .subscribe()
  view.opened(run)

  let { killWorker, killHost } = options
  function kill(): void {
    const { found, open, complete } = ledger
    const share = complete && open > 0 ? (found - open) / found : 0
    if (killWorker && share >= killWorkerAt) killWorker = !workers.kill()
    if (!killHost || share < killHostAt) return
    killHost = false
    host.kill()
  }

  async function work(): Promise<void> {
    const { dropped } = await batches.sendAll(ledger.batches(walk(directory, ledger.skipped), filesPerBatch), closing)
    if (dropped > 0) throw new Error('the queue has not stored all batches')
    await firstValueFrom(
      reported.pipe(
        startWith(undefined),
        filter(() => ledger.open === 0),
      ),
    )
    await figures.whenEmpty() // batches that are delivered again, too
  }

  const failed = Promise.race([
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    host.supervise(stopped),
    catalogueChild.ended.then(() => Promise.reject(new Error('the catalogue has ended too early'))),
  ])
  failed.catch(() => {})
  const calling = calls.make(catalogue)
  calling.catch(() => {})
  const noWorker = firstValueFrom(workers.changes.pipe(filter(() => workers.running === 0)))
  await Promise.race([work(), noWorker, calling, failed])
  workers.finish()
  ledger.settle()
  await Promise.race([calling, failed])
  const { cancelled, figure } = calls
  note(
    `the stream of figures was followed to ${plural(figure?.files ?? 0, 'file')}; its handler was stopped ${milliseconds(cancelled?.afterMs ?? 0)} later: ${cancelled?.reason}`,
  )
  await Promise.race([figures.whenPublished(), failed])
  return summarise(run)
}

function changeText({ worker, child, state, exit, inWork }: Worker): string {
  const name = `worker ${worker} (pid ${child.pid})`
  if (state === 'finished') return `${name} has finished`
  if (exit === undefined) return `${name} is killed on purpose, with ${inWork} files in work`
  return `${name} has ended ${exitText(exit)}`
}

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'rivulet-demo-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) }
}
