/** Connections one after the other: after each end another, without anything of the one before. */
import { firstValueFrom, take, toArray } from 'rxjs'
import t from 'tap'
import { createStreamListener, lines, reconnectStream, type StreamConnection } from '../../patterns/socket/index.js'
import { reconnectDelay } from '../../patterns/socket/stream/reconnect-delay.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { eachStreamTransport, takeAll, take as takeMessages } from './ends.js'

eachStreamTransport(t, 'another connection follows each one that has ended', async (t, place) => {
  const { runtime, bind } = place
  const framing = lines()
  const listener = await createStreamListener({ framing, bind, runtime })
  listener.connections.subscribe((connection) => connection.messages.subscribe(connection))
  const stream = await reconnectStream({ framing, connect: listener.endpoint, runtime, backoff: { initialMs: 1 } })
  const seen: StreamConnection<string>[] = []
  for (let round = 0; round < 3; round++) {
    const connection = await firstValueFrom(stream.connections)
    t.notOk(seen.includes(connection))
    t.equal(stream.current, connection)
    seen.push(connection)
    await connection.send(`round ${round}`)
    t.strictSame(await takeMessages(connection, 1), [`round ${round}`])
    connection.complete()
    t.equal(await connection.whenEnded, undefined)
  }
  t.match(stream.stats(), { opened: 3, failed: 0 })
  await stream.close()
  t.equal(stream.current, undefined)
})

eachStreamTransport(t, 'what was queued for one connection is dropped and counted with it', async (t, place) => {
  const { runtime, bind } = place
  const framing = lines({ maxLineBytes: 200_000 })
  const first = await createStreamListener({ framing, bind, runtime })
  const accepted = firstValueFrom(first.connections)
  const connect = first.endpoint
  const stream = await reconnectStream({
    framing,
    connect,
    runtime,
    outboxBytes: 16_777_216,
    backoff: { initialMs: 1 },
  })
  stream.errors.subscribe()
  const connection = await firstValueFrom(stream.connections)
  await accepted
  const line = 'x'.repeat(100_000)
  for (let at = 0; at < 100; at++) connection.next(`old ${at} ${line}`)
  const endings = stream.connections.pipe(take(2), toArray())
  const both = firstValueFrom(endings)
  await first.close({ drain: false })
  await connection.whenEnded
  const { accepted: taken, sent, dropped, pending } = connection.stats().outgoing
  t.equal(taken, 100)
  t.ok(dropped.transport ?? 0, 'some had not left')
  t.equal(sent + (dropped.transport ?? 0) + pending, 100)

  const second = await createStreamListener({ framing, bind: connect, runtime })
  const nextAccepted = firstValueFrom(second.connections)
  const [, next] = await both
  await next?.send('new')
  next?.complete()
  t.strictSame(await takeAll(await nextAccepted), ['new'])
})

t.test('waits become longer up to their limit, and a random part is added to each', async (t) => {
  const waits = (random: number) =>
    [1, 2, 3, 4, 1000].map((attempt) =>
      reconnectDelay({ initialMs: 100, maxMs: 400, factor: 2 }, attempt, () => random),
    )
  t.strictSame(waits(0), [100, 200, 400, 400, 400])
  t.strictSame(waits(0.5), [150, 300, 600, 600, 600])
})

t.test('failed tries are reported once, and closing ends them', async (t) => {
  const clock = new VirtualClock()
  const { runtime } = place(t, 'tcp', { clock })
  const listener = await createStreamListener({ framing: lines(), bind: 'tcp://127.0.0.1:*', runtime })
  const connect = listener.endpoint
  await listener.close({ drain: false })
  const stream = await reconnectStream({ framing: lines(), connect, runtime, backoff: { initialMs: 100, maxMs: 400 } })
  const errors: string[] = []
  stream.errors.subscribe(({ code }) => errors.push(code))
  const attempts: number[] = []
  const states: string[] = []
  let retried = () => {}
  stream.links.subscribe(({ state, attempt }) => {
    states.push(state)
    attempts.push(attempt)
    retried()
  })
  for (let round = 1; round <= 4; round++) {
    const tried = new Promise<void>((resolve) => {
      retried = resolve
    })
    if (attempts.length < round) await tried
    await clock.whenArmed()
    clock.advance(800)
  }
  t.strictSame(attempts.slice(0, 4), [1, 2, 3, 4])
  t.strictSame([...new Set(states)], ['retrying'])
  t.strictSame(errors, ['RIVULET_CONNECTION_REFUSED'], 'reported once')
  await stream.close({ drain: false })
  t.equal(stream.status, 'closed')
})
