/**
 * A durable subscription in a process that is killed.
 *
 * Arguments: the endpoints of the publisher and of the host of the queue, and the file of its cursor.
 */
import { createSubscriber } from '../../patterns/pubsub/index.js'
import { createProducer } from '../../patterns/queue/index.js'
import { Entry, join } from './joining.js'

const [topics = '', queues = '', file = ''] = process.argv.slice(2)

process.on('disconnect', () => process.exit())
const producer = await createProducer({ connect: queues, queue: 'ticks', schema: Entry })
const subscriber = await createSubscriber({ connect: topics })
await join(subscriber, producer, file)
