/** Every point in time that users see is a `Date`; durations are numbers whose names end with `Ms`. */
import t from 'tap'
import ts from 'typescript'
import type { TopicMessage } from '../../patterns/pubsub/index.js'
import {
  createConsumer,
  createProducer,
  createQueueHost,
  type Delivery,
  type FailedDelivery,
  type QueuedMessage,
} from '../../patterns/queue/index.js'
import type { CallContext } from '../../patterns/rpc/index.js'
import { parse, readSources, resolveRelative, type SourceFile } from '../repository/sources.js'
import { Job } from '../support/job.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only if the types are the same. */
function same<A, B>(value: Equal<A, B>): boolean {
  return value
}

t.test('the types are the same everywhere', async (t) => {
  t.ok(same<Delivery['time'], Date>(true))
  t.ok(same<QueuedMessage['time'], Date>(true))
  t.ok(same<QueuedMessage['due'], Date | undefined>(true))
  t.ok(same<FailedDelivery['time'], Date>(true))
  t.ok(same<TopicMessage<unknown>['time'], Date>(true))
  t.ok(same<CallContext['deadline'], Date | undefined>(true))
})

t.test('a message of the durable queue shows when it was stored, when it failed, and when it is due', async (t) => {
  const clock = new VirtualClock()
  const { runtime } = place(t, 'inproc', { clock })
  const backoff = { initialMs: 5000 }
  const host = await createQueueHost({ store: 'memory', runtime, queues: { jobs: { backoff } } })
  const producer = await createProducer({ host, queue: 'jobs', schema: Job })
  const consumer = await createConsumer({ host, queue: 'jobs', schema: Job })
  const storedAt = clock.wallNow()
  await producer.send({ id: 1 })
  for await (const delivery of consumer.deliveries) {
    t.strictSame(delivery.time, new Date(storedAt))
    clock.advance(10)
    await delivery.nack()
    break
  }
  const [message] = await host.queue('jobs').peek()
  t.match(message, { state: 'delayed', attempts: 1 })
  t.strictSame(message?.time, new Date(storedAt))
  t.strictSame(message?.history[0]?.time, new Date(storedAt + 10))
  t.strictSame(message?.due, new Date(storedAt + 5010))
})

/** Where the names that an index exports are declared, each as `path name`, through the files that it takes them from. */
function declarationsOf(index: string, files: ReadonlyMap<string, SourceFile>): string[] {
  const { imports = [] } = files.get(index) ?? {}
  return imports.flatMap(({ specifier, names }) => {
    const target = resolveRelative(index, specifier)
    return names.flatMap(({ name }) =>
      name === '*' ? declarationsOf(target, files) : declarationOf(target, name, files),
    )
  })
}

function declarationOf(path: string, name: string, files: ReadonlyMap<string, SourceFile>): string {
  const from = files.get(path)?.imports.find(({ names }) => names.some((taken) => taken.name === name))
  return from === undefined ? `${path} ${name}` : declarationOf(resolveRelative(path, from.specifier), name, files)
}

/** Members of these interfaces that show a point in time as something else than a `Date`. */
function otherTimes({ path, text }: Pick<SourceFile, 'path' | 'text'>, interfaces: ReadonlySet<string>): string[] {
  return parse(path, text).statements.flatMap((statement) => {
    if (!ts.isInterfaceDeclaration(statement) || !interfaces.has(`${path} ${statement.name.text}`)) return []
    return statement.members.flatMap((member) => {
      if (!ts.isPropertySignature(member) || member.type === undefined) return []
      const name = member.name.getText()
      const isTime = /^(time|date|due|deadline|since|until|expires|expiry)$|At$/.test(name)
      return isTime && !/^Date\b/.test(member.type.getText()) ? [`${path}: ${statement.name.text}.${name}`] : []
    })
  })
}

t.test('no public interface shows a time as anything else', async (t) => {
  const files = new Map(readSources('src', 'patterns').map((file) => [file.path, file]))
  const entries = [...files.values()].filter(({ path }) => /^(patterns\/\w+|src)\/index\.ts$/.test(path))
  const exported = entries.flatMap(({ path }) => declarationsOf(path, files))
  const interfaces = new Set(exported)
  for (const name of ['Delivery', 'QueuedMessage', 'TopicMessage', 'CallContext']) {
    t.ok(
      exported.some((one) => one.endsWith(` ${name}`)),
      name,
    )
  }
  t.strictSame(
    [...files.values()].flatMap((file) => otherTimes(file, interfaces)),
    [],
  )
  const text = 'export interface Delivery { readonly time: number; readonly leaseMs: number; readonly endedAt: number }'
  const wrong = otherTimes({ path: 'a.ts', text }, new Set(['a.ts Delivery']))
  t.strictSame(wrong, ['a.ts: Delivery.time', 'a.ts: Delivery.endedAt'])
})
