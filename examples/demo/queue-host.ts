/**
 * A process of the demonstration: hosts the durable queues and publishes their state.
 *
 * Arguments: where to bind, the folder of the queues, the endpoints of the directory and of the subscriber. It may be killed
 * at any time: another one continues with the same folder and endpoint. Its clients find it through the directory.
 */
import { createDirectory } from 'rivulet/directory'
import { createPublisher } from 'rivulet/pubsub'
import { createQueueHost } from 'rivulet/queue'
import { parentGone } from './children.js'
import { Keyring } from './keyring.js'
import { QueueFigures, queues } from './schemas.js'

const everyMs = 100

const [bind = '', path = '', finder = '', subscriber = ''] = process.argv.slice(2)
const gone = parentGone()
const keyring = Keyring.inherit()
const host = await createQueueHost({ path, bind, queues, ...keyring.binding })
const directory = await createDirectory({ connect: finder, ...keyring.connectingTo('main') })
const publisher = await createPublisher({ connect: subscriber, ...keyring.connectingTo('main') })
host.errors.subscribe(({ message }) => console.error(`queue: ${message}`))
directory.errors.subscribe(({ message }) => console.error(`queue: ${message}`))
await directory.announce('queues', host)
process.send?.(host.endpoint)

const timer = setInterval(() => {
  for (const name of Object.keys(queues)) {
    const { depth, leased } = host.queue(name).stats()
    publisher.topic(`queue.${name}`, QueueFigures).next({ depth, leased })
  }
}, everyMs)
await gone
clearInterval(timer)
await Promise.all([host, publisher, directory].map((resource) => resource.close({ drain: false })))
