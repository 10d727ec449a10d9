/** The service of history over links that are bound beside a topic socket, or dialed from a list; calls go in either direction. */
import t from 'tap'
import { TopicLinkSet } from '../../patterns/pubsub/topic-links.js'
import { TopicService } from '../../patterns/pubsub/topic-service.js'
import { type ReplayPart, type SourcesChange, TopicsService } from '../../patterns/pubsub/topics-wire.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import { CallClient, CallHost, type CallStream, defaultStreamOptions } from '../../src/call/index.js'
import { systemClock } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import type { LinkUser } from '../../src/session/index.js'
import { until } from '../support/events.js'
import type { Scope } from '../support/scope.js'
import { eachTransport, type Place } from '../support/transports.js'
import { PlainLog, placedFrame } from './plain-logs.js'

const linkOptions = { insecure: false, security: undefined, maxItemBytes: 4_194_304 }

function makerOf() {
  const errors: RivuletError[] = []
  const made = new Set<unknown>()
  return {
    errors,
    made,
    adopt: (one: unknown) => void made.add(one),
    release: (one: unknown) => void made.delete(one),
    report: (error: RivuletError) => void errors.push(error),
  }
}

/** The side that serves a log. */
function serving(log: PlainLog): { readonly users: LinkUser[]; readonly host: CallHost } {
  const service = new TopicService({
    clock: systemClock,
    nextTurn: setImmediate,
    sources: () => [log.source],
    log: (source) => (source === log.source ? log : undefined),
    missed: () => {},
  })
  const host = new CallHost([service.implementation], { clock: systemClock, report: () => {} })
  return { users: [host], host }
}

function asking() {
  const client = new CallClient({ clock: systemClock, failoverMs: 1000, name: () => 'test', report: () => {} })
  const { methods } = client.bind(serviceOf(TopicsService))
  const stream = <T>(method: string, request: unknown) => {
    const found = methods.get(method)
    if (found === undefined) throw new Error(method)
    return client.stream(found, request, defaultStreamOptions).responses as CallStream<T>
  }
  return { client, stream }
}

function filled(): PlainLog {
  const log = new PlainLog()
  for (let at = 1; at <= 300; at++) log.append(placedFrame('a.b', at, at, Buffer.alloc(2000, at % 256)))
  return log
}

const openPair = async (t: Scope, { runtime, bind }: Place, isServerBound: boolean) => {
  const log = filled()
  const [server, client] = [serving(log), asking()]
  const makers = [makerOf(), makerOf()] as const
  const [bound, dialing] = isServerBound ? [server.users, [client.client]] : [[client.client], server.users]
  const listener = await TopicLinkSet.open({ ...linkOptions, runtime, bind: [bind] }, makers[0], bound)
  const dialer = await TopicLinkSet.open({ ...linkOptions, runtime, bind: [] }, makers[1], dialing)
  t.teardown(() => Promise.all([listener, dialer].map((one) => one.close({ drain: false }))))
  listener.ref() // there is no topic socket that would keep the process alive
  return { log, makers, listener, dialer, host: server.host, ...client }
}

for (const isServerBound of [true, false]) {
  eachTransport(t, `a replay over links, ${isServerBound ? 'bound' : 'dialed'} by its publisher`, async (t, place) => {
    const { listener, dialer, stream, makers, log, host } = await openPair(t, place, isServerBound)
    t.equal(makers[0].made.size, 1, 'the maker has it')
    dialer.dial([{ address: listener.endpoint }])
    const changes: SourcesChange[] = []
    let isCompleted = false
    stream<SourcesChange>('sources', {}).subscribe({
      next: (change) => changes.push(change),
      complete: () => {
        isCompleted = true
      },
    })
    await until(() => changes.length === 1)
    t.match(changes[0], { present: [{ source: Buffer.from(log.source, 'hex'), position: 300 }] })
    const parts: ReplayPart[] = []
    const ranges = [{ pattern: '#', after: 10, upTo: 290 }]
    for await (const part of stream<ReplayPart>('replay', { source: Buffer.from(log.source, 'hex'), ranges })) {
      parts.push(part)
    }
    const frames = parts.flatMap((part) => part.frames ?? [])
    t.equal(frames.length, 280)
    t.strictSame(Buffer.from(frames[0]?.frame ?? []), log.frames[10]?.bytes)
    t.equal(parts.at(-1)?.position, 290)
    t.equal(parts.flatMap((part) => part.schemas ?? []).length, 1)
    void host.drain()
    await until(() => isCompleted)
    await Promise.all([dialer.close(), listener.close()])
    t.equal(makers[0].made.size, 0)
    t.strictSame([makers[0].errors, makers[1].errors], [[], []])
  })
}

eachTransport(t, 'a link that is not listed any more ends', async (t, place) => {
  const { listener, dialer, makers } = await openPair(t, place, true)
  dialer.dial([{ address: listener.endpoint }])
  await until(() => dialer.connected === 1 && listener.stats().sessions === 1)
  dialer.dial([])
  await until(() => listener.stats().sessions === 0)
  dialer.dial([{ address: listener.endpoint }, { address: 'tcp://x' }])
  await until(() => listener.stats().sessions === 1 && makers[1].errors.length === 1)
  t.equal(makers[1].errors[0]?.code, 'RIVULET_INVALID_ENDPOINT', 'errors are those of the maker')
})
