/** A frame with very many small calls does not take the event loop for itself: it is taken in several turns, in order. */
import t from 'tap'
import { eachTransport } from '../support/transports.js'
import { Turns } from '../support/turns.js'
import { openLab } from './lab.js'

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
