/** A frame with very many small calls does not take the event loop for itself: it is taken in several turns, in order. */
import t from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { eachTransport } from '../support/transports.js'
import { Turns } from '../support/turns.js'
import { Lab, openLab } from './lab.js'

const ids = Array.from({ length: 400 }, (_, id) => id)

eachTransport(t, 'calls of one frame', async (t, place) => {
  const turns = new Turns()
  const seen: number[] = []
  const { client } = await openLab(t, place, {
    handlers: {
      peek: ({ id }) => {
        seen.push(id)
        turns.work(0.5)
        return { id }
      },
    },
  })
  await client.promises.get({ id: 0 })
  const answers = await Promise.all(ids.map((id) => client.promises.peek({ id })))
  turns.stop()
  t.strictSame(seen, ids, 'each runs once, in order')
  t.strictSame(
    answers.map(({ id }) => id),
    ids,
  )
  // the budget takes some pieces to notice that they have become slow
  t.ok(turns.most <= 128, `${turns.most} of them in one turn, of half a millisecond each`)
})

eachTransport(t, 'the call of another client does not wait for all calls of a frame', async (t, place) => {
  const turns = new Turns()
  const seen: string[] = []
  let called: Promise<unknown> | undefined
  const { server, client } = await openLab(t, place, {
    handlers: {
      peek: ({ id }) => {
        seen.push('peek')
        called ??= other.promises.get({ id: 1 })
        turns.work(0.5)
        return { id }
      },
      get: ({ id }) => {
        seen.push('get')
        return { id }
      },
    },
  })
  const other = await createRpcClient(Lab, { connect: server.endpoint, runtime: place.runtime })
  await Promise.all([client, other].map(({ promises }) => promises.get({ id: 0 })))
  seen.length = 0
  await Promise.all(ids.map((id) => client.promises.peek({ id })))
  await called
  turns.stop()
  const before = seen.indexOf('get')
  t.ok(before >= 0 && before < ids.length / 2, `${before} of ${ids.length} calls ran before it`)
})
