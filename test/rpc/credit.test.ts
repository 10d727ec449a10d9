/** Credit: a stream that is far ahead of its consumer holds bounded memory at both ends, loses nothing, and stops nobody else. */
import { firstValueFrom, lastValueFrom, take } from 'rxjs'
import t from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { ChildPlant } from '../support/child-plant.js'
import { turn, until } from '../support/events.js'
import { Plant } from '../support/plant.js'
import { eachTransport, place } from '../support/transports.js'
import { openLab } from './lab.js'

/** Credit of a stream, and frames beyond it: what a sender may be ahead of a consumer, in bytes. */
const aheadBytes = 131_072 + 65_536

const residentMb = () => process.memoryUsage().rss / 1_048_576

t.test('many items to a consumer that is slow at first', async (t) => {
  const { runtime } = place(t, 'tcp')
  const plant = await ChildPlant.start()
  t.teardown(() => plant.kill())
  const client = await createRpcClient(Plant, { connect: plant.endpoint, runtime })
  const atFirstMb = await client.promises.peakMb()
  const before = residentMb()
  let [next, peak] = [0, before]
  let isOrdered = true
  for await (const item of client.items({ count: 100_000, padding: 1000 })) {
    isOrdered &&= item.readInt32BE(0) === next++
    if (next <= 500) await turn()
    if (next % 10_000 === 0) peak = Math.max(peak, residentMb())
  }
  t.equal(next, 100_000)
  t.ok(isOrdered, 'in order')
  const grownMb = (await client.promises.peakMb()) - atFirstMb
  // 100 MB of bodies; `npm run soak -- faults` has a million items
  t.ok(grownMb < 90, `the server grew by ${grownMb.toFixed(0)} MB`)
  t.ok(peak - before < 110, `the client grew by ${(peak - before).toFixed(0)} MB`)
})

eachTransport(t, 'a source is not read further than its consumer allows', async (t, at) => {
  let [yielded, returned] = [0, false]
  const { client } = await openLab(t, at, {
    handlers: {
      async *list() {
        try {
          for (;;) yield { id: yielded++, text: 'x'.repeat(1000) }
        } finally {
          returned = true
        }
      },
    },
  })
  const iterator = client.list({ count: 0 })[Symbol.asyncIterator]()
  await iterator.next()
  // other calls go on until the source has stopped
  let last = -1
  for (let still = 0; still < 20; still++) {
    if (last !== yielded) still = 0
    last = yielded
    await client.promises.peek({ id: 1 })
  }
  t.ok(yielded * 1000 < aheadBytes + 100_000, `${yielded} of 1,000 bytes each`)
  for (let taken = 0; taken < 1000; taken++) await iterator.next()
  t.ok(yielded > 1000 && yielded < 1000 + 300, `${yielded} after 1,000 more`)
  await iterator.return?.()
  await until(() => returned)
})

t.test('process takes no more than its concurrency allows', async (t) => {
  let yielded = 0
  const { client } = await openLab(t, place(t, 'tcp'), {
    handlers: {
      *list({ count }) {
        for (let id = 0; id < count; id++) {
          yielded += 1
          yield { id, text: 'x'.repeat(1000) }
        }
      },
    },
  })
  const holds = Array.from({ length: 1000 }, () => deferred())
  let [working, most] = [0, 0]
  const results = client.list({ count: 1000 }).process(
    async ({ id }) => {
      most = Math.max(most, ++working)
      await holds[id]?.promise
      working -= 1
      return id
    },
    { concurrency: 3 },
  )
  const all = lastValueFrom(results)
  await until(() => working === 3)
  t.ok(yielded < 400, `${yielded} were read`)
  for (const { resolve } of holds) resolve()
  await all
  t.equal(most, 3)
  t.equal(yielded, 1000)
})

t.test('a source of requests is not read further than its handler allows', async (t) => {
  const hold = deferred()
  const { client } = await openLab(t, place(t, 'tcp'), {
    handlers: {
      async total(requests) {
        await hold.promise
        let count = 0
        for await (const _ of requests) count += 1
        return count
      },
    },
  })
  let read = 0
  const source = function* () {
    for (; read < 60_000; read++) yield { id: read }
  }
  const counted = client.promises.total(source())
  let last = -1
  for (let still = 0; still < 20; still++) {
    if (last !== read) still = 0
    last = read
    await client.promises.peek({ id: 1 })
  }
  t.ok(read > 1000 && read < 55_000, `${read} requests were read`)
  hold.resolve()
  t.equal(await counted, 60_000)
})

eachTransport(t, 'one slow stream holds up no other call', async (t, at) => {
  const { client } = await openLab(t, at, {
    handlers: {
      async *list({ count }) {
        for (let id = 0; id < count; id++) yield { id, text: 'x'.repeat(1000) }
      },
    },
  })
  const stuck = Array.from({ length: 5 }, () => client.list({ count: 100_000 })[Symbol.asyncIterator]())
  for (const iterator of stuck) await iterator.next()
  for (let call = 0; call < 200; call++) await client.promises.peek({ id: call })
  let seen = 0
  for await (const _ of client.list({ count: 2000 })) seen += 1
  t.equal(seen, 2000, 'another stream has credit of its own')
  const data = Buffer.alloc(1_000_000)
  t.equal((await client.promises.echo({ data })).length, data.length)
  t.equal(await client.promises.total(Array.from({ length: 10_000 }, () => ({ id: 1 }))), 10_000)
  for (const iterator of stuck) await iterator.return?.()
  await firstValueFrom(client.list({ count: 5 }).pipe(take(1)))
})
