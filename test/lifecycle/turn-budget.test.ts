/** The budget of a turn: when it is spent, when it comes again, and who goes on first. */
import t from 'tap'
import { TurnBudget } from '../../src/lifecycle/index.js'

/** An event loop whose time and turns pass when the test says so. */
class Loop {
  time = 1000
  looks = 0
  /** Callbacks of the next turn. */
  next: (() => void)[] = []
  readonly budget = new TurnBudget({
    now: () => {
      this.looks += 1
      return this.time
    },
    nextTurn: (callback) => this.next.push(callback),
  })

  turn(): void {
    for (const callback of this.next.splice(0)) callback()
  }

  /** Works in pieces that take so long each, until the budget is spent; returns how many. */
  work(pieceMs: number, most = 1_000_000): number {
    for (let pieces = 1; pieces <= most; pieces++) {
      this.time += pieceMs
      if (this.budget.spend()) return pieces
    }
    return most
  }
}

t.test(
  'it is spent after ten milliseconds or so, whatever a piece takes, and comes again with the next turn',
  async (t) => {
    for (const pieceMs of [0.001, 0.01, 0.1, 0.3]) {
      const loop = new Loop()
      for (let turn = 0; turn < 5; turn++) {
        const begun = loop.time
        loop.work(pieceMs)
        const took = loop.time - begun
        t.ok(took >= 9 && took <= 20, `${pieceMs} ms a piece: turn ${turn} took ${took} ms`)
        t.equal(loop.budget.isSpent, true)
        t.equal(loop.budget.spend(), true)
        t.equal(loop.next.length, 1, 'one callback tells of the next turn')
        loop.turn()
        t.equal(loop.budget.isSpent, false)
      }
    }
  },
)

t.test('a share is spent after a millisecond or two, and others have theirs in the same turn', async (t) => {
  for (const pieceMs of [0.002, 0.05, 0.2]) {
    const loop = new Loop()
    for (let share = 0; share < 12; share++) {
      loop.turn()
      for (let peer = 0; peer < 3; peer++) {
        const begun = loop.time
        loop.budget.beginShare()
        do loop.time += pieceMs
        while (!loop.budget.spendShare())
        const took = loop.time - begun
        t.ok(took >= 1 && took <= 3, `${pieceMs} ms a piece: it took ${took} ms`)
      }
      t.notOk(loop.budget.isSpent, 'the turn has time for more')
    }
  }
})

t.test('small work of many is looked at once in a while', async (t) => {
  const loop = new Loop()
  for (let frame = 0; frame < 1000; frame++) {
    loop.budget.beginShare()
    loop.time += 0.005
    t.notOk(loop.budget.spendShare())
    loop.turn()
  }
  t.ok(loop.looks <= 300, `${loop.looks} looks for 1000 frames`)
})

t.test('however much waits, half of a turn is left for what is read', async (t) => {
  const loop = new Loop()
  const perTurn: { work: number; read: number }[] = []
  const work = () => {
    const begun = loop.time
    loop.work(0.05)
    last().work += loop.time - begun
    loop.budget.nextTurn(work)
  }
  const last = () => perTurn.at(-1) as { work: number; read: number }
  for (let count = 0; count < 50; count++) loop.budget.nextTurn(work)
  for (let turn = 0; turn < 20; turn++) {
    perTurn.push({ work: 0, read: 0 })
    let isReading = false
    loop.budget.nextRead(() => {
      isReading = true
    })
    loop.turn()
    t.ok(isReading)
    const begun = loop.time
    loop.work(0.05)
    last().read = loop.time - begun
  }
  for (const { work, read } of perTurn.slice(1)) {
    t.ok(work >= 4 && work <= 9, `work took ${work} ms`)
    t.ok(read >= 3 && read <= 9, `and reads ${read} ms`)
  }
})

t.test('also when a piece of that takes longer than a turn', async (t) => {
  const loop = new Loop()
  const work = () => {
    loop.time += 30
    loop.budget.spend(16)
    loop.budget.nextTurn(work)
  }
  loop.budget.nextTurn(work)
  for (let turn = 0; turn < 10; turn++) {
    loop.budget.nextRead(() => {})
    loop.turn()
    const begun = loop.time
    loop.work(0.05)
    t.ok(loop.time - begun >= 4, `it reads for ${loop.time - begun} ms`)
  }
})

t.test('a list is worked off in order, in as many turns as it takes', async (t) => {
  const loop = new Loop()
  const list = Array.from({ length: 3000 }, (_, index) => index)
  const seen: number[] = []
  const perTurn: number[] = []
  let isDone = false
  const each = (one: number) => {
    loop.time += 0.02
    seen.push(one)
  }
  loop.budget.forEach(list, each, () => {
    isDone = true
  })
  while (!isDone) {
    perTurn.push(seen.length)
    loop.turn()
  }
  t.strictSame(seen, list)
  t.ok(perTurn.length >= 5, `${perTurn.length} turns of ten milliseconds for sixty`)
})

t.test('a short list is worked off at once', async (t) => {
  const loop = new Loop()
  const seen: string[] = []
  loop.budget.forEach(['a', 'b'], (one) => seen.push(one))
  loop.budget.forEach(
    [],
    () => seen.push('never'),
    () => seen.push('done'),
  )
  t.strictSame(seen, ['a', 'b', 'done'])
})

t.test('slow pieces: no more than a few beyond the least of a turn', async (t) => {
  const loop = new Loop()
  t.ok(loop.work(2) <= 48)
  for (let turn = 0; turn < 5; turn++) {
    loop.turn()
    t.ok(loop.work(2) <= 20)
  }
})

t.test('a few pieces fit in a turn however slow the machine is', async (t) => {
  const loop = new Loop()
  for (let turn = 0; turn < 5; turn++) {
    t.equal(loop.work(1000, 15), 15)
    t.equal(loop.budget.isSpent, false)
    loop.work(1000)
    loop.turn()
  }
  t.ok(loop.work(100, 16) <= 16)
})

t.test('work that counts several pieces is looked at sooner', async (t) => {
  const loop = new Loop()
  let frames = 0
  do {
    loop.time += 5
    frames += 1
  } while (!loop.budget.spend(17))
  t.ok(frames <= 5, `${frames} frames of 5 ms`)
})

t.test('lone messages pay for a turn once in a while, and never wait', async (t) => {
  const loop = new Loop()
  let asked = 0
  for (let message = 0; message < 10_000; message++) {
    loop.time += 0.05
    if (loop.budget.spend()) t.fail('a lone message waits')
    asked += loop.next.length
    loop.turn()
  }
  t.ok(asked <= 10_000 / 15, `${asked} callbacks`)
  t.ok(loop.looks <= 10_000 / 10, `${loop.looks} looks`)
})

t.test(
  'those that wait go on in order, as many as the budget allows, and the others before any that come later',
  async (t) => {
    const loop = new Loop()
    const ran: string[] = []
    const heavy = (name: string) => () => {
      ran.push(name)
      loop.work(1)
      loop.budget.nextTurn(() => ran.push(`${name} again`))
    }
    loop.budget.nextTurn(heavy('a'))
    loop.budget.nextTurn(heavy('b'))
    loop.budget.nextTurn(() => ran.push('c'))
    loop.turn()
    t.strictSame(ran, ['a'])
    loop.turn()
    t.strictSame(ran, ['a', 'b'])
    loop.turn()
    t.strictSame(ran, ['a', 'b', 'c', 'a again', 'b again'])
    loop.turn()
    t.equal(loop.next.length, 0, 'and nothing is asked for when nobody waits')
  },
)

t.test('one that throws keeps the others waiting, and loses none', async (t) => {
  const loop = new Loop()
  const ran: string[] = []
  loop.budget.nextTurn(() => {
    throw new Error('thrown')
  })
  loop.budget.nextTurn(() => ran.push('other'))
  t.throws(() => loop.turn(), { message: 'thrown' })
  loop.turn()
  t.strictSame(ran, ['other'])
})
