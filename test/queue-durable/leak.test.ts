/** What has closed is not kept by those that live on. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { place } from '../support/transports.js'
import { openConsumer, openHost, openProducer } from './queues.js'

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
  const left = () => gone.filter((one) => one.deref() !== undefined).length
  for (let round = 0; round < 50 && left() > 0; round++) {
    await new Promise(setImmediate)
    collect()
  }
  t.equal(left(), 0)
})
