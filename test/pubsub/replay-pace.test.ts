/** Replays leave time to messages that are sent: three times what they take, also where the system runs other threads meanwhile. */
import t from 'tap'
import { ReplayPace } from '../../patterns/pubsub/replay-pace.js'
import { ReplayTurns } from '../../patterns/pubsub/replay-turns.js'
import { VirtualClock } from '../support/virtual-clock.js'

const endOfTurn = () => new Promise(setImmediate)

/** Replays that always want more, and turns in which other work takes some time and sends messages, or does not. */
class Busy {
  readonly clock = new VirtualClock()
  readonly turns: ReplayTurns
  /** What replays took of the time, in milliseconds. */
  worked = 0
  parts = 0
  #sent = 0
  #next: (() => void)[] = []

  constructor(hasMessages = true) {
    this.turns = new ReplayTurns(
      {
        clock: this.clock,
        nextTurn: (callback) => void this.#next.push(callback),
        sent: hasMessages ? () => this.#sent : undefined,
      },
      { turnBytes: 100, partBytes: 50, most: 4, mostOfLink: 4, idleMs: 500 },
    )
  }

  /** Adds a replay; each part takes a millisecond. */
  add(): { take(): void } {
    const take = () => {
      while (turn.ask() > 0) {
        this.clock.advance(1)
        this.worked += 1
        this.parts += 1
        turn.took(50)
      }
    }
    const turn = this.turns.add('link', false, take)
    take()
    return { take }
  }

  /** Lets turns pass in which other work takes so long and sends so many messages. */
  async pass(turns: number, otherMs: number, messages: number): Promise<void> {
    for (let turn = 0; turn < turns; turn++) {
      await endOfTurn()
      this.clock.advance(otherMs)
      this.#sent += messages
      for (const callback of this.#next.splice(0)) callback()
    }
    await endOfTurn()
  }
}

t.test('while messages are sent, replays take a quarter of the time', async (t) => {
  const busy = new Busy()
  busy.add()
  const begun = busy.clock.now()
  await busy.pass(500, 0.1, 1000)
  const share = busy.worked / (busy.clock.now() - begun)
  t.ok(share > 0.2 && share < 0.3, `${share}`)
  busy.turns.close()
})

t.test('a turn without messages is theirs: an idle publisher serves as fast as it can', async (t) => {
  const busy = new Busy()
  busy.add()
  await busy.pass(30, 0.1, 0)
  t.ok(busy.parts >= 20, `${busy.parts} parts`)
  const before = busy.parts
  await busy.pass(10, 0.1, 1)
  t.ok(busy.parts - before <= 4, 'and with the first message others have their time again')
  busy.turns.close()
})

t.test('where no messages leave but those of replays, each turn is theirs', async (t) => {
  const busy = new Busy(false)
  busy.add()
  await busy.pass(10, 0.1, 0)
  t.equal(busy.parts, 22)
  busy.turns.close()
})

t.test('a turn in which the system ran other threads counts as a part of what is due', async (t) => {
  const busy = new Busy()
  busy.add()
  await busy.pass(40, 1000, 1)
  t.ok(busy.parts <= 2 + (2 * 40) / 4, `${busy.parts} parts in 40 turns`)
  t.ok(busy.parts >= 14, 'and they are served')
  busy.turns.close()
})

t.test('a replay whose link has room again does not begin before others had their time', async (t) => {
  const busy = new Busy()
  const one = busy.add()
  await busy.pass(1, 0.1, 1)
  const { parts } = busy
  one.take()
  one.take()
  t.equal(busy.parts, parts)
  await busy.pass(200, 0.1, 1)
  t.ok(busy.parts > parts)
  busy.turns.close()
})

t.test('what leaves at the end of the turn belongs to the work', async (t) => {
  const clock = new VirtualClock()
  let sent = 0
  const pace = new ReplayPace({ clock, sent: () => sent })
  const { atEndOfTurn } = await import('../../src/lifecycle/index.js')
  pace.work()
  t.equal(pace.isOpen, true, 'in the same turn')
  // a part that is taken at the end of the turn, and its frame that leaves behind that
  atEndOfTurn(() => {
    clock.advance(4)
    atEndOfTurn(() => clock.advance(4))
  })
  await endOfTurn()
  t.equal(pace.isOpen, false)
  let turns = 0
  for (; !pace.look(); turns++) {
    sent += 1
    clock.advance(1)
  }
  t.equal(turns, 24, 'three times 8 ms')
})
