/** Many sources at once share the budget of a turn, though each looks at it by itself. */
import t from 'tap'
import type { Intake } from '../../src/stream/intake.js'
import { sendAll } from '../../src/stream/send-all.js'

const intake: Intake<number> = {
  offer: () => undefined,
  whenRoom: () => undefined,
  onClosing: () => () => {},
  refused() {},
  report() {},
}

t.test('asynchronous sources that always have more let the loop turn', async (t) => {
  let steps = 0
  let isOver = false
  async function* slow(): AsyncGenerator<number> {
    while (!isOver) {
      for (const end = performance.now() + 1; performance.now() < end; );
      yield steps++
    }
  }
  const turned = new Promise<number>((resolve) => setImmediate(() => resolve(steps)))
  const sending = Array.from({ length: 50 }, () => sendAll(intake, slow()))
  const inTurn = await turned
  isOver = true
  await Promise.all(sending)
  t.ok(inTurn > 0 && inTurn < 300, `${inTurn} steps of a millisecond in the first turn`)
})
