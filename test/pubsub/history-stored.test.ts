/** The history of publishers on disk: a publisher that comes back is the same source, and continues its numbers. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createPublisher, createSubscriber, type TopicMessage } from '../../patterns/pubsub/index.js'
import { firstFew, turn } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { HistoryClient } from './history-client.js'
import { Old } from './schemas.js'

const ids = (count: number, from = 1) => Array.from({ length: count }, (_, at) => ({ id: from + at }))

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'rivulet-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

eachTransport(
  t,
  'a publisher that comes back continues, and serves what it has kept',
  async (t, { runtime, bind, transport }) => {
    const path = join(folder(t), 'history')
    const own = transport === 'tcp' ? 'ipc' : transport
    const links = `${own}://${own === 'ipc' ? join(folder(t), 'l') : bind.slice(9)}-links`
    const open = () => createPublisher({ bind, runtime, history: { path, bind: links } })
    const seen: [string, number, number][] = []
    let source: string | undefined
    for (let life = 0; life < 3; life++) {
      const publisher = await open()
      const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
      const events = firstFew(subscriber.events('#', Old), 7)
      await subscriber.ready
      const [a, b] = [publisher.topic('a', Old), publisher.topic('b', Old)]
      for (const message of ids(4, 10 * life)) await a.send(message)
      await turn()
      await b.sendAll(ids(2, 10 * life))
      await b.retain({ id: 100 + life })
      await publisher.flush()
      for (const event of await events) {
        const { topic, sequence, value, publisher } = event as TopicMessage<{ id: number }>
        t.equal(publisher, source ?? publisher, 'it is the same source')
        source = publisher
        seen.push([topic, sequence, value.id])
      }
      await Promise.all([publisher.close(), subscriber.close()])
    }
    const numbers = (topic: string) => seen.filter(([name]) => name === topic).map(([, sequence]) => sequence)
    t.strictSame(
      numbers('a'),
      ids(12).map(({ id }) => id),
    )
    t.strictSame(
      numbers('b'),
      ids(9).map(({ id }) => id),
    )
    const publisher = await open()
    const client = await HistoryClient.open(t, { runtime })
    client.dial({ address: links })
    const { present: [kept] = [] } = await client.sources()
    t.strictSame([Buffer.from(kept?.source ?? []).toString('hex'), kept?.position], [source, 21])
    const { frames, expired } = await client.replay(kept?.source as Buffer, [{ pattern: '#' }], Old)
    t.strictSame(expired, [])
    const replayed = frames.flatMap(({ topic, sequence, values }) =>
      values.map(({ id }, at): [string, number, number] => [topic, sequence + at, id]),
    )
    const byTopic = (list: typeof seen) =>
      [...list].sort(([a, one], [b, other]) => (a === b ? one - other : a < b ? -1 : 1))
    t.strictSame(byTopic(replayed), byTopic(seen))
    const retained = await client.replay(kept?.source as Buffer, [{ pattern: 'b', retained: true }], Old)
    t.match(retained.frames, [{ topic: 'b', sequence: 9, isRetained: true, values: [{ id: 102 }] }])
    publisher.topic('b', Old).clear()
    await publisher.flush()
    const cleared = await client.replay(kept?.source as Buffer, [{ pattern: 'b', retained: true }], Old)
    t.strictSame(cleared.frames, [], 'a value of an earlier life can be cleared')
  },
)

t.test('one publisher at a time has a folder, and lets go of it when it is closed', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const history = { path: join(folder(t), 'history') }
  const publisher = await createPublisher({ bind, runtime, history })
  await t.rejects(createPublisher({ bind, runtime, history }), { code: 'RIVULET_STORE_LOCKED' })
  await publisher.close({ drain: false })
  const next = await createPublisher({ bind, runtime, history })
  await next.close()
  const taken = await createPublisher({ bind, runtime })
  await t.rejects(createPublisher({ bind: taken.endpoint, runtime, history }), { code: 'RIVULET_BIND_FAILED' })
  await (await createPublisher({ bind, runtime, history })).close()
})

t.test('what waits for the disk counts as pending, and in the bound of the outbox', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const history = { path: join(folder(t), 'history') }
  const publisher = await createPublisher({ bind, runtime, history, outboxBytes: 10_000, overflow: 'error' })
  const topic = publisher.topic('a', Old)
  let refused = 0
  for (let round = 0; round < 3; round++) {
    for (const message of ids(10_000)) {
      await topic.send(message).catch(({ code }) => {
        if (code === 'RIVULET_OUTBOX_FULL') refused += 1
      })
    }
  }
  const { accepted, sent, pending } = publisher.stats()
  t.equal(accepted, sent + pending)
  t.ok(refused > 0, `${refused} found no room`)
  await publisher.flush()
  await publisher.close()
  const { accepted: all, sent: allSent, dropped } = publisher.stats()
  t.strictSame([allSent, dropped], [all, {}])
  t.equal(all + refused, 30_000)
})

t.test('a topic whose record is damaged gives no number again', async (t) => {
  const path = join(folder(t), 'history')
  const { runtime, bind } = place(t, 'inproc')
  const publisher = await createPublisher({ bind, runtime, history: { path, maxMessages: 2 } })
  await publisher.topic('damage-me', Old).sendAll(ids(5))
  await publisher.flush()
  for (const message of ids(5)) {
    await publisher.topic('b', Old).send(message)
    await publisher.flush()
  }
  await publisher.close()
  const file = join(path, 'data.mdb')
  const bytes = readFileSync(file)
  for (let at = bytes.indexOf('damage-me'); at >= 0; at = bytes.indexOf('damage-me', at)) bytes.write('DAMAGE', at)
  writeFileSync(file, bytes)
  const again = await createPublisher({ bind, runtime, history: { path, maxMessages: 2 } })
  again.errors.subscribe()
  const subscriber = await createSubscriber({ connect: again.endpoint, runtime })
  const events = firstFew(subscriber.events('damage-me', Old), 1)
  await subscriber.ready
  await again.topic('damage-me', Old).send({ id: 6 })
  const [first] = await events
  t.equal((first as TopicMessage<unknown>).sequence, 11, 'its number is above all that it may have had')
  await Promise.all([again.close(), subscriber.close()])
})

t.test('a topic that was forgotten for others gives no number again', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const history = { path: join(folder(t), 'history'), maxBytes: 100_000 }
  const publisher = await createPublisher({ bind, runtime, history })
  for (let n = 0; n < 1000; n++) publisher.topic(`x.${n}`, Old).next({ id: n })
  await publisher.flush()
  t.ok(publisher.stats().history.bytes <= 100_000)
  await publisher.close()
  const again = await createPublisher({ bind, runtime, history })
  const subscriber = await createSubscriber({ connect: again.endpoint, runtime })
  const events = firstFew(subscriber.events('x.*', Old), 2)
  await subscriber.ready
  await again.topic('x.0', Old).send({ id: 0 })
  await again.topic('x.999', Old).send({ id: 0 })
  t.match(await events, [
    { topic: 'x.0', sequence: 1001 },
    { topic: 'x.999', sequence: 2 },
  ])
  await Promise.all([again.close(), subscriber.close()])
})
