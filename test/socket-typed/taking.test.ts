/** Typed connections whose listener loses its subscriber while both sides agree: they wait, and are refused in the end. */
import { firstValueFrom } from 'rxjs'
import t, { type Test } from 'tap'
import { connectStream, createStreamListener } from '../../patterns/socket/index.js'
import { first, until } from '../support/events.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { connectStranger } from './stranger.js'
import { Note, TypedSide } from './typed-side.js'

/** A listener that has begun to agree with a peer when its only subscriber leaves; `finish` lets the peer agree. */
async function abandoned(t: Test) {
  const clock = new VirtualClock()
  const { runtime, bind } = place(t, 'tcp', { clock })
  const listener = await createStreamListener({ schema: Note, bind, runtime, takeTimeoutMs: 1000 })
  const subscription = listener.connections.subscribe()
  const stranger = await connectStranger(t, listener.endpoint)
  await until(() => listener.stats().open === 1)
  const side = new TypedSide('connect', { outgoing: Note, incoming: Note })
  // it is being read
  const opening = side.taken()
  stranger.socket.write(opening.subarray(0, 10))
  subscription.unsubscribe()
  return { clock, runtime, listener, stranger, finish: () => stranger.socket.write(opening.subarray(10)) }
}

t.test('the next subscriber gets a connection that has agreed meanwhile', async (t) => {
  const { listener, runtime, stranger, finish } = await abandoned(t)
  finish()
  // the answer to the opening
  await stranger.has(4)
  t.match(listener.stats(), { open: 1, accepted: 0 })
  const connection = await firstValueFrom(listener.connections)
  t.match(listener.stats(), { open: 1, accepted: 1 })
  await connection.close({ drain: false })
  t.equal(listener.stats().open, 0)

  const taken = first(listener.connections)
  const client = await connectStream({ schema: Note, connect: listener.endpoint, runtime })
  await taken
  t.equal(listener.stats().accepted, 2)
  await client.close({ drain: false })
})

t.test('without a subscriber it is refused in time', async (t) => {
  const { listener, clock, stranger, finish } = await abandoned(t)
  listener.errors.subscribe()
  const refused = first(listener.links, ({ state }) => state === 'refused')
  finish()
  await stranger.has(4)
  clock.advance(1000)
  t.equal((await refused).cause?.code, 'RIVULET_TIMEOUT')
  await stranger.whenEnded
  await until(() => listener.stats().open === 0)
  t.match(listener.stats(), { accepted: 0, refused: { 'not-taken': 1 } })
})
