/** The sends that somebody waits for: given up in their order, and none keeps another one alive once it has ended. */
import t from 'tap'
import { type Timed, TimedSends } from '../../src/reliable-send/timed-sends.js'

/** A send that takes itself out when it expires, as a pending send does. */
class Send implements Timed<never> {
  earlier: Timed<never> | undefined = undefined
  later: Timed<never> | undefined = undefined
  constructor(
    readonly deadline: number,
    readonly all: TimedSends<never>,
    readonly expired: number[],
  ) {
    all.add(this)
  }

  expire(): void {
    this.expired.push(this.deadline)
    this.all.remove(this)
  }
}

t.test('those that are late expire in order, and the earliest of the others is returned', async (t) => {
  const [all, expired] = [new TimedSends<never>(), [] as number[]]
  const sends = [30, 10, 50, 20, 40].map((deadline) => new Send(deadline, all, expired))
  t.equal(all.expire(9), 10)
  t.strictSame(expired, [])
  t.equal(all.expire(30), 40)
  t.strictSame(expired, [30, 10, 20])
  for (const { earlier, later } of [sends[0], sends[1], sends[3]] as Send[])
    t.strictSame([earlier, later], [undefined, undefined], 'it holds no other')
  t.equal(all.expire(50), Number.POSITIVE_INFINITY)
  t.strictSame(expired, [30, 10, 20, 50, 40])
})

t.test('one is taken out wherever it stands', async (t) => {
  for (const out of [0, 1, 2]) {
    const [all, expired] = [new TimedSends<never>(), [] as number[]]
    const sends = [1, 2, 3].map((deadline) => new Send(deadline, all, expired))
    all.remove(sends[out] as Send)
    new Send(4, all, expired)
    all.expire(4)
    t.strictSame(
      expired,
      [1, 2, 3, 4].filter((deadline) => deadline !== out + 1),
    )
  }
})
