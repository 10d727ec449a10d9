/** A read loop that always has something to read lets the event loop turn, whether its reads wait or not. */

import t from 'tap'
import { systemClock } from '../../src/clock/index.js'
import type { NativeSocket } from '../../src/socket/native.js'
import { ReadLoop } from '../../src/socket/read-loop.js'

const done = Promise.resolve()

/** Keeps the thread busy. */
function burn(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

/**
 * A socket with one more message, always.
 *
 * @param jobs - How many promise jobs a read takes, without a turn: the library completes a read within a send.
 */
function endless(jobs: number): NativeSocket {
  let wakes = 0
  const receive = async () => {
    for (let job = 0; job < jobs; job++) await done
    wakes += 1
    return [Buffer.alloc(8), Buffer.from(`${wakes}`)]
  }
  return { closed: false, readable: true, receive } as unknown as NativeSocket
}

for (const [kind, jobs] of Object.entries({ 'are ready': 0, 'had to wait within the turn': 3 })) {
  t.test(`one whose reads ${kind}`, async (t) => {
    const total = 400
    const perTurn: number[] = [0]
    let messages = 0
    let timers = 0
    const timer = setInterval(() => timers++, 1)
    await new Promise<void>((resolve) => {
      const tick = () => {
        perTurn.push(0)
        if (messages < total) setImmediate(tick)
      }
      setImmediate(tick)
      const loop = new ReadLoop(endless(jobs), systemClock, {
        message() {
          messages += 1
          perTurn[perTurn.length - 1] = (perTurn.at(-1) as number) + 1
          burn(0.5)
          if (messages < total) return
          loop.wanted = false
          resolve()
        },
        failed: (error) => t.fail(String(error)),
      })
      loop.wanted = true
    })
    clearInterval(timer)
    const most = Math.max(...perTurn)
    t.ok(most <= 64, `${most} messages of half a millisecond in one turn`)
    t.ok(timers >= 3, `timers fired ${timers} times`)
  })
}

t.test('messages of very many parts, which take long to read, are few in a turn', async (t) => {
  const parts = Array.from({ length: 2000 }, () => Buffer.alloc(1))
  const receive = async () => {
    burn(3)
    return parts
  }
  const perTurn: number[] = [0]
  let messages = 0
  await new Promise<void>((resolve) => {
    const tick = () => {
      perTurn.push(0)
      if (messages < 60) setImmediate(tick)
    }
    setImmediate(tick)
    const loop = new ReadLoop({ closed: false, readable: true, receive } as unknown as NativeSocket, systemClock, {
      message() {
        messages += 1
        perTurn[perTurn.length - 1] = (perTurn.at(-1) as number) + 1
        if (messages < 60) return
        loop.wanted = false
        resolve()
      },
      failed: (error) => t.fail(String(error)),
    })
    loop.wanted = true
  })
  const most = Math.max(...perTurn)
  t.ok(most <= 8, `${most} messages of 3 ms in one turn`)
})

t.test('several loops share the turns', async (t) => {
  const counts = [0, 0, 0]
  await new Promise<void>((resolve) => {
    const loops = counts.map((_, index) => {
      const loop = new ReadLoop(endless(index), systemClock, {
        message() {
          counts[index] = (counts[index] as number) + 1
          burn(0.2)
          if ((counts[index] as number) < 200) return
          for (const each of loops) each.wanted = false
          resolve()
        },
        failed: (error) => t.fail(String(error)),
      })
      return loop
    })
    for (const loop of loops) loop.wanted = true
  })
  t.ok(Math.min(...counts) >= 40, `none is left behind: ${counts}`)
})
