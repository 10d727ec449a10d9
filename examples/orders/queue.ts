/** The host of the durable queue `fulfilment`: what it has confirmed is on disk until a worker has done it. */
import { join } from 'node:path'
import { closeAll } from 'rivulet'
import { createQueueHost } from 'rivulet/queue'
import { announce, ending, joinDirectory, keyring, leave, printErrors, ready } from './child.js'
import { dataFolder } from './settings.js'

const host = await createQueueHost({
  path: join(dataFolder, 'queue'),
  bind: 'tcp://127.0.0.1:*',
  queues: {
    fulfilment: {
      leaseMs: 2000, // a killed worker's order is given to the other one within this time
      maxAttempts: 20, // then it is a dead letter, in the queue `fulfilment.dead`
      backoff: { initialMs: 200, maxMs: 5000 },
      dedupeMs: 86_400_000, // the service may send an order again that it has sent before it was killed
    },
  },
  security: {
    keyPair: keyring.keyPair,
    allow: keyring.allow('service', 'worker-1', 'worker-2'),
    policy: [
      { identity: 'service', action: 'produce', target: 'fulfilment' },
      { identity: 'worker-1', action: 'consume', target: 'fulfilment' },
      { identity: 'worker-2', action: 'consume', target: 'fulfilment' },
    ],
  },
})
const directory = await joinDirectory()
printErrors(host, directory)
await announce(directory, 'queue', host)
ready()
await ending
await closeAll([directory, host], { timeoutMs: 1000 })
leave()
