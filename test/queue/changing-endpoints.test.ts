/** Producers and workers whose endpoints come from an observable: which connections end when, and that no message is lost. */
import { BehaviorSubject } from 'rxjs'
import t from 'tap'
import { createPull, createPush, type Pull } from '../../patterns/queue/index.js'
import type { EndpointInput } from '../../src/discovery/index.js'
import { defaults } from '../../src/options/index.js'
import { generateKeyPair, type KeyPair } from '../../src/security/index.js'
import { codesOf, first, turn, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, type Place, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'

type List = readonly string[]

/** Places for so many resources that bind. */
const places = ({ transport, bind }: Place, count: number) =>
  Array.from({ length: count }, (_, at) => (transport === 'tcp' ? bind : `${bind}-${at}`))

/** Opens workers that bind, and counts what each takes, of which each takes its time. */
async function openWorkers(at: Place, count: number): Promise<{ workers: Pull<Job>[]; taken: number[][] }> {
  const { runtime } = at
  const workers = await Promise.all(places(at, count).map((bind) => createPull({ schema: Job, bind, runtime })))
  const taken = workers.map((worker) => {
    const ids: number[] = []
    worker.messages
      .process(
        async ({ id }) => {
          ids.push(id)
          if (id % 64 === 0) await turn()
        },
        { concurrency: 4 },
      )
      .subscribe()
    return ids
  })
  return { workers, taken }
}

eachTransport(t, 'a producer loses nothing while workers come and go', async (t, at) => {
  const { workers, taken } = await openWorkers(at, 3)
  const [one, two, three] = workers.map(({ endpoint }) => endpoint) as [string, string, string]
  const lists = new BehaviorSubject<List>([])
  const push = await createPush({ schema: Job, connect: lists, runtime: at.runtime, outboxBytes: 100_000 })
  const codes = codesOf(push)
  const rounds = [[one], [one, two], [two], [], [three, one], [three, two], [one, two, three], [one]]
  const perRound = 5000
  let next = 0
  const note = 'x'.repeat(100)
  const sending: Promise<unknown>[] = []
  for (const list of rounds) {
    lists.next(list)
    const ids = Array.from({ length: perRound }, () => ({ id: next++, note }))
    const sent = push.sendAll(ids)
    sending.push(sent)
    // the next change comes in the middle of it
    const isThere = () => taken.flat().length > next - perRound / 2
    if (list.length > 0) await until(isThere)
  }
  await Promise.all(sending)
  await until(() => taken.flat().length >= next)
  t.strictSame(
    taken.flat().sort((a, b) => a - b),
    Array.from({ length: next }, (_, id) => id),
    'each once',
  )
  t.ok(
    taken.every(({ length }) => length > perRound / 4),
    `all had a part: ${taken.map(({ length }) => length)}`,
  )
  t.strictSame(codes, [])
  t.match(push.stats(), { accepted: next, sent: next, pending: 0, dropped: {} })
  await until(() => push.connected === 1)
})

eachTransport(t, 'messages wait while there is no worker', async (t, at) => {
  const lists = new BehaviorSubject<List>([])
  const push = await createPush({ schema: Job, connect: lists, runtime: at.runtime })
  void push.send({ id: 1 })
  const pull = await createPull({ schema: Job, bind: at.bind, runtime: at.runtime })
  t.match(push.stats(), { pending: 1, sent: 0 })
  lists.next([pull.endpoint])
  t.match(await first(pull.messages), { id: 1 })
  lists.next([])
  await until(() => push.connected === 0 && pull.connected === 0)
  void push.send({ id: 2 })
  await turn()
  t.match(push.stats(), { pending: 1, sent: 1 })
  lists.next([pull.endpoint])
  t.match(await first(pull.messages), { id: 2 })
})

eachTransport(t, 'a worker has everything of a producer that has gone from its list and closes', async (t, at) => {
  const { runtime } = at
  const lists = new BehaviorSubject<List>([])
  const pull = await createPull({ schema: Job, connect: lists, runtime })
  const ids: number[] = []
  let next = 0
  let busy: Promise<unknown> = Promise.resolve()
  pull.messages
    .process(async ({ id }) => {
      await busy
      ids.push(id)
    })
    .subscribe()
  for (const bind of places(at, 4)) {
    const push = await createPush({ schema: Job, bind, runtime })
    lists.next([push.endpoint])
    await until(() => push.connected === 1)
    let free = () => {}
    busy = new Promise<void>((resolve) => {
      free = resolve
    })
    const sent = push.sendAll(Array.from({ length: 3000 }, () => ({ id: next++, note: 'x'.repeat(100) })))
    lists.next([])
    free()
    await sent
    await push.close()
    await until(() => pull.connected === 0)
  }
  await until(() => ids.length === next)
  // two producers at a time have no common order
  t.strictSame(
    ids.sort((a, b) => a - b),
    Array.from({ length: next }, (_, id) => id),
    'each once',
  )
})

t.test('a producer that stays keeps a worker that has removed it for some time', async (t) => {
  const clock = new VirtualClock()
  const at = place(t, 'inproc', { clock })
  const { runtime } = at
  const [push, other] = await Promise.all(places(at, 2).map((bind) => createPush({ schema: Job, bind, runtime })))
  if (!push || !other) throw new Error('no producers')
  const lists = new BehaviorSubject<List>([push.endpoint])
  const pull = await createPull({ schema: Job, connect: lists, runtime })
  const ids: number[] = []
  pull.messages.subscribe(({ id }) => ids.push(id))
  await until(() => push.connected === 1)
  lists.next([other.endpoint])
  await push.send({ id: 1 })
  await until(() => ids.length === 1 && other.connected === 1)
  clock.advance(defaults.removedMs - 1)
  lists.next([other.endpoint, push.endpoint])
  clock.advance(2)
  await push.send({ id: 2 })
  await until(() => ids.length === 2)
  t.equal(pull.connected, 2, 'it has come back')
  lists.next([other.endpoint])
  clock.advance(defaults.removedMs)
  await until(() => pull.connected === 1 && push.connected === 0)
  await other.send({ id: 3 })
  await until(() => ids.length === 3)
  t.strictSame(ids, [1, 2, 3])
})

t.test('with security, a worker whose key changes is connected again, and one without a key is not used', async (t) => {
  const { runtime } = place(t, 'tcp')
  const [old, renewed, own] = [generateKeyPair(), generateKeyPair(), generateKeyPair()]
  const bind = (keyPair: KeyPair, address: string) =>
    createPush({ schema: Job, bind: address, runtime, security: { keyPair, allow: { worker: own.publicKey } } })
  const first = await bind(old, 'tcp://127.0.0.1:*')
  const address = first.endpoint
  const lists = new BehaviorSubject<readonly EndpointInput[]>([address])
  const pull = await createPull({ schema: Job, connect: lists, runtime, security: { keyPair: own } })
  const codes = codesOf(pull)
  const ids: number[] = []
  pull.messages.subscribe(({ id }) => ids.push(id))
  lists.next([{ address, serverKey: old.publicKey }])
  await first.send({ id: 1 })
  await until(() => ids.length === 1)
  await first.close()
  const second = await bind(renewed, address)
  lists.next([{ address, serverKey: renewed.publicKey }])
  await second.send({ id: 2 })
  await until(() => ids.length === 2)
  t.strictSame(ids, [1, 2])
  t.ok(
    codes.every((code) => code === 'RIVULET_SERVER_KEY_MISMATCH'),
    `${codes}`,
  )
})
