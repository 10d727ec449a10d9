/**
 * A publisher of the same process that comes back while its subscriber has begun to read a message of the former one, in a
 * process of its own: libzmq aborts the process that disconnects a subscriber between the two parts of a message.
 *
 * Prints how many messages of the former one the subscriber has received, once it has received one of the other as well.
 */
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { joinInproc } from '../../src/socket/inproc.js'
import { createNative } from '../../src/socket/native.js'
import { first, turn, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { FrameSource } from './raw-peers.js'

const count = 100
const name = 'inproc://restarting'
const runtime = createRuntime()
const elsewhere = await createPublisher({ bind: 'tcp://127.0.0.1:*', runtime })
const { endpoint } = elsewhere
await elsewhere.close()

// the former publisher: the library has not begun to close it when the next one comes
const former = createNative(runtime, {
  kind: 'xpub',
  sendHighWaterMark: 0,
  receiveHighWaterMark: 0,
  maxFrameBytes: -1,
  socketBufferBytes: undefined,
  ipv6: false,
})
await former.bind(name)
const leave = joinInproc(runtime, name, 'bind', { linked: () => {}, unlinked: () => {} })

const subscriber = await createSubscriber({ connect: [name, endpoint], runtime, highWaterMark: 2 * count })
let received = 0
let ofAnother = 0
const mayContinue = deferred()
const work = async ({ id }: Job) => {
  if (id < count) received += 1
  else ofAnother += 1
  await mayContinue.promise
}
subscriber.topic('jobs', Job).process(work).subscribe()
for (let prefix = ''; prefix !== 'jobs.'; ) prefix = (await former.receive())[0]?.subarray(1).toString() ?? ''
const source = new FrameSource('jobs', Job)
for (const job of jobs(count)) await former.send(source.frame({ note: '', ...job }))
await until(() => received === 1)
for (let turns = 0; turns < 100; turns++) await turn()

// it reads no more, but looks at its socket when a connection is made: then the library begins with the next message
const connected = first(subscriber.links, (link) => link.state === 'connected' && link.endpoint === endpoint)
const another = await createPublisher({ bind: endpoint, runtime })
await connected
leave()
joinInproc(runtime, name, 'bind', { linked: () => {}, unlinked: () => {} })
mayContinue.resolve()
await until(() => received === count)
// what is sent before it knows of the subscription is for nobody
for (; ofAnother === 0; await turn()) await another.topic('jobs', Job).send({ id: count })
former.close()
await another.close()
await subscriber.close()
console.log(received)
