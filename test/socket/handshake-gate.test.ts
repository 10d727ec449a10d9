/** A gate: whom it admits while there is pressure and after it, whom it forgets, and when it opens. */
import t from 'tap'
import { turnBudget } from '../../src/lifecycle/index.js'
import { HandshakeGate } from '../../src/socket/handshake-gate.js'
import type { Gate } from '../../src/socket/zap-handler.js'
import { VirtualClock } from '../support/virtual-clock.js'

function watch() {
  const clock = new VirtualClock()
  let ask: Gate | undefined
  let pressed = false
  let comes = 0
  const admitted: number[] = []
  const gate = new HandshakeGate({
    clock,
    isPressed: () => pressed,
    setGate: (name, next) => {
      t.match(name, /^rivulet\.bound\.\d+$/, 'handshakes of bound sockets are refused by this beginning')
      ask = next
    },
  })
  return {
    clock,
    gate,
    admitted,
    isHolding: () => ask !== undefined,
    press: (on: boolean) => {
      pressed = on
    },
    /** So many peers come. */
    come(count: number) {
      for (let one = 0; one < count; one++) {
        const id = comes++
        ask?.(() => admitted.push(id))
      }
    },
  }
}

t.test('one peer at a time while there is pressure, twice as many at each step without', async (t) => {
  const { clock, gate, admitted, press, come } = watch()
  press(true)
  gate.narrow()
  come(30)
  clock.advance(99)
  t.strictSame(admitted, [])
  clock.advance(1)
  t.strictSame(admitted, [0])
  clock.advance(200)
  t.strictSame(admitted, [0, 1, 2], 'those that came first')
  press(false)
  for (const count of [5, 9, 17]) {
    clock.advance(100)
    t.equal(admitted.length, count)
  }
  press(true)
  clock.advance(100)
  t.equal(admitted.length, 18, 'one again')
})

t.test('peers that are about to give up are forgotten', async (t) => {
  const { clock, gate, admitted, press, come } = watch()
  press(true)
  gate.narrow()
  come(100)
  clock.advance(1400)
  t.equal(admitted.length, 14)
  come(1)
  clock.advance(100)
  t.strictSame(admitted.slice(14), [100])
})

t.test('it opens after five seconds in which there was no pressure and nobody waited', async (t) => {
  const { clock, gate, admitted, press, come, isHolding } = watch()
  t.notOk(isHolding(), 'as long as nothing happens, no handshake waits')
  press(true)
  gate.narrow()
  t.ok(isHolding())
  clock.advance(10_000)
  t.ok(isHolding())
  press(false)
  clock.advance(4900)
  come(1)
  clock.advance(200)
  t.equal(admitted.length, 1)
  clock.advance(4800)
  t.ok(isHolding())
  clock.advance(100)
  t.notOk(isHolding())
  t.equal(clock.timers, 0)
  press(true)
  gate.narrow()
  t.ok(isHolding(), 'and holds again')
})

t.test('what waits is admitted when its owner opens it', async (t) => {
  const { clock, gate, admitted, press, come, isHolding } = watch()
  press(true)
  gate.narrow()
  come(3)
  let isEmpty = false
  const empty = gate.whenNoneWait().then(() => {
    isEmpty = true
  })
  clock.advance(200)
  await Promise.resolve()
  t.notOk(isEmpty)
  gate.open()
  await empty
  t.strictSame(admitted, [0, 1, 2])
  t.notOk(isHolding())
  t.equal(clock.timers, 0)
  await gate.whenNoneWait()
})

t.test('a thousand malformed frames within a second are pressure, fewer are not', async (t) => {
  const { clock, gate, admitted, come, isHolding } = watch()
  for (let frame = 0; frame < 999; frame++) gate.malformed()
  clock.advance(1000)
  for (let frame = 0; frame < 1000; frame++) gate.malformed()
  t.notOk(isHolding(), 'they took longer')
  for (let frame = 0; frame < 1000; frame++) gate.malformed()
  t.ok(isHolding())
  come(30)
  for (let step = 1; step <= 5; step++) {
    clock.advance(50)
    for (let frame = 0; frame < 1000; frame++) gate.malformed()
    clock.advance(50)
    t.equal(admitted.length, step)
  }
  clock.advance(100)
  clock.advance(100)
  t.equal(admitted.length, 5 + 2 + 4, 'without more of them there is no pressure')
  gate.open()
})

t.test('fifty new schemas within a second are pressure, fewer are not', async (t) => {
  const { clock, gate, isHolding } = watch()
  for (let schema = 0; schema < 49; schema++) gate.newSchema()
  clock.advance(1000)
  for (let schema = 0; schema < 50; schema++) gate.newSchema()
  t.notOk(isHolding(), 'they took longer')
  for (let schema = 0; schema < 50; schema++) gate.newSchema()
  t.ok(isHolding())
  gate.open()
})

t.test('a new schema is as much work as a turn may take in any case', async (t) => {
  const { gate } = watch()
  const spent = t.capture(turnBudget, 'spend')
  gate.newSchema()
  gate.malformed()
  t.match(spent(), [{ args: [16] }])
})
