/** What has closed is not kept by those that live on. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { createProducer } from '../../patterns/queue/index.js'
import { Job } from '../support/job.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { failure, openConsumer, openHost, openProducer } from './queues.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

t.test('a host forgets those in process that have closed', async (t) => {
  const here = place(t, 'inproc')
  const host = await openHost(here)
  const open = async () => {
    const producer = await openProducer(here, host, { host })
    const consumer = await openConsumer(here, host, { host })
    await producer.send({ id: 1 })
    await producer.close()
    await consumer.close()
    return [new WeakRef<object>(producer), new WeakRef<object>(consumer)]
  }
  const gone = [...(await open()), ...(await open())]
  t.equal(await left(gone), 0)
})

t.test('a producer without a host keeps nothing of those who found no room and gave up', async (t) => {
  const clock = new VirtualClock()
  const { runtime } = place(t, 'inproc', { clock })
  const options = { connect: 'inproc://nobody', runtime, queue: 'jobs', schema: Job, outboxBytes: 1 }
  const producer = await createProducer(options)
  producer.next({ id: 0 })
  const waiting = failure(producer.send({ id: 1 }, { timeoutMs: 1000 }))
  const giveUp = async () => {
    const values = Array.from({ length: 10 }, (_, id) => ({ id }))
    const sends = values.map((value) => failure(producer.send(value, { timeoutMs: 10 })))
    clock.advance(10)
    for (const error of await Promise.all(sends)) t.match(error, { code: 'RIVULET_TIMEOUT', executed: 'no' })
    return values.map((value) => new WeakRef<object>(value))
  }
  t.equal(await left(await giveUp()), 0)
  clock.advance(1000)
  t.match(await waiting, { code: 'RIVULET_TIMEOUT' })
})

/** How many are left when garbage was collected. */
async function left(gone: readonly WeakRef<object>[]): Promise<number> {
  const count = () => gone.filter((one) => one.deref() !== undefined).length
  for (let round = 0; round < 50 && count() > 0; round++) {
    await new Promise(setImmediate)
    collect()
  }
  return count()
}
