/** Admission by file descriptors: few looks, a reserve that is kept, one report, and peers that are admitted again. */
import t, { type Test } from 'tap'
import { Admission } from '../../src/socket/admission.js'
import type { NativeSocket } from '../../src/socket/native.js'
import { turn } from '../support/events.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** An admission in a process whose descriptors a test counts. */
class Process {
  readonly clock = new VirtualClock()
  inUse = 30
  looks = 0
  /** Whether there is no socket for the authenticator. */
  hasNone = false
  /** The authenticators that were made, and what they have answered. */
  readonly authenticators: { closed: boolean; ask(parts: Buffer[]): void }[] = []
  readonly answers: string[][] = []
  readonly admission: Admission

  constructor(limit: number) {
    this.admission = new Admission({
      clock: this.clock,
      limit,
      inUse: () => {
        this.looks += 1
        return this.inUse
      },
      bindAuthenticator: () => this.#newAuthenticator(),
    })
  }

  /** Accepts so many connections; returns what is to be reported. */
  accept(count: number, stop?: () => void): string[] {
    const reports: string[] = []
    for (let connection = 0; connection < count; connection++) {
      this.inUse += 1
      const why = this.admission.accepted(stop)
      if (why !== undefined) reports.push(why)
    }
    return reports
  }

  #newAuthenticator(): NativeSocket {
    if (this.hasNone) throw new Error('no socket')
    const waiting: ((parts: Buffer[]) => void)[] = []
    const authenticator = {
      closed: false,
      readable: true,
      receive: () => new Promise<Buffer[]>((resolve) => waiting.push(resolve)),
      send: async (parts: Buffer[]) => void this.answers.push(parts.map((part) => part.toString())),
      disconnect: () => {},
      close() {
        authenticator.closed = true
      },
      ask: (parts: Buffer[]) => waiting.shift()?.(parts),
    }
    this.authenticators.push(authenticator)
    return authenticator as unknown as NativeSocket
  }
}

function refusesAt(t: Test, limit: number, expected: number): void {
  const process = new Process(limit)
  while (!process.admission.isRefusing) process.accept(1)
  t.equal(process.inUse, expected, `of ${limit}`)
  t.ok(process.looks <= 3 * Math.log2(limit), `${process.looks} looks`)
}

t.test(
  'beside an ipc listener, what the library accepts before its events are read is kept, if that is at most a half',
  async (t) => {
    for (const [limit, expected] of [
      [1024, 768],
      [4300, 2200],
      [20_000, 15_000],
    ] as const) {
      const process = new Process(limit)
      process.accept(100)
      let stops = 0
      while (!process.admission.isRefusing) process.accept(1, () => stops++)
      t.strictSame([process.inUse, stops], [expected, 1], `of ${limit}`)
    }
  },
)

t.test('a quarter is kept, and of few descriptors up to a half', async (t) => {
  refusesAt(t, 128, 64)
  refusesAt(t, 512, 256)
  refusesAt(t, 1024, 768)
  refusesAt(t, 20_000, 15_000)
})

t.test('where the limit is not known, nobody is refused', async (t) => {
  const process = new Process(Number.POSITIVE_INFINITY)
  process.accept(100_000)
  t.notOk(process.admission.isRefusing)
  t.equal(process.looks, 0)
  t.ok(process.admission.failed(), 'that no connection can be accepted is reported all the same')
  t.notOk(process.admission.isRefusing)
})

t.test('it is reported once in ten seconds', async (t) => {
  const process = new Process(128)
  t.strictSame(process.accept(60), [
    '64 of 128 file descriptors are in use: new peers are refused until there are fewer',
  ])
  for (const [waitMs, reports] of [
    [250, 0],
    [9000, 0],
    [1000, 1],
  ] as const) {
    process.inUse = 40
    process.clock.advance(250)
    t.notOk(process.admission.isRefusing)
    process.clock.advance(waitMs)
    t.equal(process.accept(60).length, reports)
    t.ok(process.admission.isRefusing)
  }
})

t.test('peers are admitted again when a quarter more than the reserve is free', async (t) => {
  const process = new Process(128)
  let rooms = 0
  process.accept(60)
  process.admission.onRoom(() => {
    rooms += 1
  })
  process.inUse = 60
  process.clock.advance(1000)
  t.ok(process.admission.isRefusing)
  process.inUse = 48
  process.clock.advance(250)
  t.notOk(process.admission.isRefusing)
  t.equal(rooms, 1)
  t.strictSame(
    process.authenticators.map(({ closed }) => closed),
    [true],
  )
  t.equal(process.clock.timers, 0, 'and nothing is looked at any more')
  process.accept(60)
  t.ok(process.admission.isRefusing)
  t.equal(rooms, 1)
})

t.test('handshakes of bound sockets are refused, others are not', async (t) => {
  const process = new Process(128)
  process.accept(60)
  const [authenticator] = process.authenticators
  for (const domain of ['rivulet.bound', 'rivulet']) {
    authenticator?.ask(['peer', '', '1.0', '7', domain, 'address', '', 'NULL'].map((text) => Buffer.from(text)))
    await turn()
  }
  t.strictSame(process.answers, [
    ['peer', '', '1.0', '7', '400', 'too few file descriptors', '', ''],
    ['peer', '', '1.0', '7', '200', '', '', ''],
  ])
  process.admission.close()
})

t.test('a gate takes the handshakes of its sockets, and no others; refusing goes before', async (t) => {
  const process = new Process(128)
  const held: (() => void)[] = []
  process.admission.setGate('rivulet.bound.1', (admit) => void held.push(admit))
  const [authenticator] = process.authenticators
  const ask = async (domain: string) => {
    authenticator?.ask(['peer', '', '1.0', domain, domain, 'address', '', 'NULL'].map((text) => Buffer.from(text)))
    await turn()
  }
  const answers = () => process.answers.splice(0).map(([, , , request, status]) => [request, status])
  await ask('rivulet.bound.1')
  await ask('rivulet.bound')
  await ask('rivulet')
  t.strictSame(answers(), [
    ['rivulet.bound', '200'],
    ['rivulet', '200'],
  ])
  held[0]?.()
  t.strictSame(answers(), [['rivulet.bound.1', '200']])
  process.accept(60)
  await ask('rivulet.bound.1')
  t.strictSame(answers(), [['rivulet.bound.1', '400']])
  process.inUse = 40
  process.clock.advance(250)
  await ask('rivulet.bound.1')
  t.strictSame(answers(), [], 'there is room, and the gate is asked again')
  t.equal(process.authenticators.length, 1)
  process.admission.setGate('rivulet.bound.1', undefined)
  t.notOk(authenticator?.closed, 'its last answers leave first')
  process.clock.advance(250)
  t.ok(authenticator?.closed)
  t.equal(process.clock.timers, 0)
})

t.test('connections that cannot be accepted: reported once in ten seconds, and peers are refused', async (t) => {
  const process = new Process(128)
  t.equal(process.admission.failed(), true)
  t.ok(process.admission.isRefusing)
  t.notOk(Array.from({ length: 1000 }, () => process.admission.failed()).includes(true))
  process.clock.advance(10_000)
  t.equal(process.admission.failed(), true)
  process.admission.close()
})

t.test('without a socket for it, handshakes are answered as soon as there is one', async (t) => {
  const process = new Process(128)
  process.hasNone = true
  t.equal(process.accept(60).length, 1)
  t.ok(process.admission.isRefusing)
  t.equal(process.authenticators.length, 0)
  process.hasNone = false
  process.clock.advance(250)
  t.equal(process.authenticators.length, 1)
  process.clock.advance(1000)
  t.equal(process.authenticators.length, 1)
  process.admission.close()
})

t.test('a listener that can be stopped is, before anything else and at each connection from then on', async (t) => {
  const process = new Process(128)
  const stops: number[] = []
  const stop = () => void stops.push(process.authenticators.length)
  for (process.inUse = 30; process.inUse < 63; process.inUse++) process.admission.accepted(stop)
  t.strictSame(stops, [])
  process.inUse = 100
  while (!process.admission.isRefusing) process.admission.accepted(stop)
  process.admission.accepted(stop)
  t.strictSame(stops, [0, 1])
  process.admission.close()
})
