/** Streams to a host: how soon a stream that has ended is opened again. */
import t from 'tap'
import { type Conversation, ReopeningStream } from '../../src/conversation/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** A stream that is opened again: its streams are answered and then end with an error. */
class Ending extends ReopeningStream<string, string> {
  begun = 0
  readonly #error: RivuletError | undefined
  readonly #most: number

  constructor(clock: VirtualClock, user: Conversation<string, string>, error: RivuletError, most: number) {
    super(clock, user)
    this.#error = error
    this.#most = most
  }

  protected begin(): void {
    this.begun += 1
    this.received('opened')
    if (this.begun < this.#most) this.ended(this.#error)
  }

  protected leave(): void {}
  wake(): void {}
  renew(): void {}
  end = () => Promise.resolve()
}

/** Lets ten seconds pass; returns how many streams were opened, and what the user was told. */
async function streams(error: RivuletError) {
  const clock = new VirtualClock()
  const told: string[] = []
  const user: Conversation<string, string> = {
    open: () => 'open',
    take: () => undefined,
    answer: () => {},
    down: () => {},
    refused: ({ code }) => told.push(code),
  }
  const line = new Ending(clock, user, error, 1000)
  line.start()
  await new Promise(setImmediate)
  clock.advance(10_000)
  line.close()
  return { begun: line.begun, told }
}

t.test('a stream that worked and was cut is opened again at once', async (t) => {
  const { begun, told } = await streams(new RivuletError('RIVULET_UNAVAILABLE', 'gone'))
  t.equal(begun, 1000)
  t.strictSame(told, [])
})

t.test('a stream that the host ends, though it answers, is not opened again and again', async (t) => {
  const { begun, told } = await streams(new RivuletError('RIVULET_INVALID_REQUEST', 'what is that?'))
  t.ok(begun > 5 && begun < 110, `${begun} in ten seconds`)
  t.equal(told.length, begun)
})
