/** A producer and a consumer whose endpoints come and go while messages flow: none is lost, doubled or delivered again. */
import { BehaviorSubject } from 'rxjs'
import t from 'tap'
import { defaults } from '../../src/options/index.js'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { turn, until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { openConsumer, openHost, openProducer, Taken, watch } from './queues.js'

const hasLeft = /the peer ended it in the middle of the handshake$/
const rounds = 12
const perRound = 200

eachTransport(t, 'streams move to another link of their host', async (t, { runtime, bind, transport }) => {
  const binds = transport === 'tcp' ? [bind, bind] : [bind, `${bind}-2`]
  const host = await openHost({ runtime, bind }, { bind: binds })
  const lists = new BehaviorSubject<readonly string[]>([])
  const [producer, consumer] = await Promise.all([
    openProducer({ runtime }, host, { connect: lists }),
    openConsumer({ runtime }, host, { connect: lists }),
  ])
  const errors = [...[host, producer, consumer].map(watch)]
  const ids: number[] = []
  const attempts = new Set<number>()
  consumer.deliveries.subscribe((delivery) => {
    ids.push(delivery.value.id)
    attempts.add(delivery.attempt)
    void delivery.ack()
  })
  const sends: Promise<unknown>[] = []
  for (let round = 0; round < rounds; round++) {
    // now and then there is none at all
    lists.next(round % 5 === 4 ? [] : [host.endpoints[round % 2] as string])
    for (let at = 0; at < perRound; at++) sends.push(producer.send({ id: round * perRound + at }))
    await until(() => round % 5 === 4 || ids.length > (round - 1) * perRound)
  }
  lists.next([...host.endpoints])
  await Promise.all(sends)
  await until(() => host.queue('jobs').stats().depth === 0)
  t.strictSame(
    ids,
    Array.from({ length: rounds * perRound }, (_, id) => id),
    'in order, each once',
  )
  t.strictSame([...attempts], [1], 'no lease was lost')
  await until(() => producer.connected === 2 && consumer.connected === 2)
  // an endpoint may be removed before its link has agreed
  const [ofHost = [], ...others] = errors
  t.strictSame(others, [[], []])
  for (const { message } of ofHost) t.match(message, hasLeft)
  t.match(producer.stats(), { sent: rounds * perRound, pending: 0, dropped: {} })
})

eachTransport(
  t,
  'a client whose endpoint is removed before its link has agreed is a peer that has left',
  async (t, { runtime, bind }) => {
    const host = await openHost({ runtime, bind })
    const lists = new BehaviorSubject<readonly string[]>([])
    const producer = await openProducer({ runtime }, host, { connect: lists })
    const errors = [host, producer].map(watch)
    for (let turns = 0; host.refusedConnections === 0; turns = (turns + 1) % 10) {
      lists.next([host.endpoint])
      for (let passed = 0; passed < turns; passed++) await turn()
      lists.next([])
      await turn()
    }
    t.match(errors, [[{ code: 'RIVULET_HANDSHAKE_FAILED', message: hasLeft }], []])
  },
  ['ipc', 'tcp'],
)

eachTransport(t, 'a lease that is held while its link is retired is settled over another one', async (t, at) => {
  const { runtime, bind, transport } = at
  const host = await openHost(at, { bind: transport === 'tcp' ? [bind, bind] : [bind, `${bind}-2`] })
  const lists = new BehaviorSubject<readonly string[]>([host.endpoints[0] as string])
  const producer = await openProducer(at, host)
  const consumer = await openConsumer({ runtime }, host, { connect: lists })
  await producer.send({ id: 1 })
  const taken = new Taken(consumer)
  const delivery = await taken.at(0)
  lists.next([host.endpoints[1] as string])
  await until(() => host.connected === 2 && consumer.connected === 1)
  await delivery.ack()
  await until(() => host.queue('jobs').stats().depth === 0)
  t.match(host.queue('jobs').stats(), { acked: 1 })
  t.equal(taken.all.length, 1)
})

t.test('streams leave a link that has no connection as soon as its endpoint is removed', async (t) => {
  const at = place(t, 'tcp')
  const host = await openHost(at)
  const proxy = await ChaosProxy.open(host.endpoint)
  t.teardown(() => proxy.close())
  const lists = new BehaviorSubject<readonly string[]>([`tcp://127.0.0.1:${proxy.port}`])
  const producer = await openProducer(at, host, { connect: lists })
  const consumer = await openConsumer(at, host, { connect: lists })
  for (const resource of [producer, consumer]) watch(resource)
  const taken = new Taken(consumer)
  await producer.send({ id: 1 })
  await (await taken.at(0)).ack()
  await proxy.close()
  await until(() => producer.connected === 0 && consumer.connected === 0)
  const begun = performance.now()
  const sent = producer.send({ id: 2 })
  lists.next([host.endpoint])
  await sent
  await (await taken.at(1)).ack()
  t.ok(performance.now() - begun < defaults.retentionMs / 2, 'long before the session ends')
})
