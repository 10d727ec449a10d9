/** A stream with `conflateBy` whose consumer is behind: a gap waits, and a later message has overtaken it. */
import type { Test } from 'tap'
import { createSubscriber } from '../../patterns/pubsub/index.js'
import { until } from '../support/events.js'
import { Job } from '../support/job.js'
import { place } from '../support/transports.js'
import { FrameSource, rawPublisher } from './raw-peers.js'

/** The key of a job, of which there are ten. */
export const tens = ({ id }: Job): number => id % 10

/** The consumer has taken job 0; jobs 1, 2 and 11 wait, and the third message is missing. */
export async function waitingGap(t: Test) {
  const { runtime, bind } = place(t, 'tcp')
  const subscriber = await createSubscriber({ bind, runtime })
  const { socket, answerAll } = await rawPublisher(t, { connect: subscriber.endpoint })
  const source = new FrameSource('a', Job)
  const events = subscriber.events('a', Job, { conflateBy: tens })[Symbol.asyncIterator]()
  const first = events.next()
  answerAll(source.origin)
  await subscriber.ready
  await socket.send(source.frame({ id: 0 }))
  await first
  await socket.send(source.frame({ id: 1 }))
  source.frame({ id: 100 })
  await socket.send(source.frame({ id: 2 }, { id: 11 }))
  await until(() => subscriber.stats().received === 4)
  return { subscriber, events, socket, source }
}
