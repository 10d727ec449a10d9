/** What one peer sees of others: snapshot, marker, changes, and nothing of an incarnation behind that it has left. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import t from 'tap'
import { Presence } from '../../patterns/messaging/presence.js'
import type { Change, PresenceEvent } from '../../patterns/messaging/presence-event.js'
import { PresentPeers } from '../../patterns/messaging/present-peers.js'
import type { RosterPeer } from '../../patterns/messaging/roster-contract.js'
import { incarnation, numberOf } from './roster-lab.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What is live in the heap. */
function liveBytes(): number {
  collect()
  return process.memoryUsage().heapUsed
}

function peerOf(name: string, number: number, isSuspected = false): RosterPeer {
  const ref = { name, incarnation: incarnation(number), identity: undefined }
  return { ref, epoch: 1, node: 'n', sessions: [], answers: new Map(), isSuspected }
}

function lineOf(event: PresenceEvent): string {
  return event.kind === 'complete' ? 'complete' : `${event.kind} ${event.peer.name} ${numberOf(event.peer.incarnation)}`
}

/** Who is present, one peer that sees it, its mailbox, and what a first subscriber sees. */
function lab(present = new PresentPeers(), self = 0) {
  const held = new Set<string>()
  const presence = new Presence(incarnation(self), present, (one) => held.has(one))
  present.add(presence)
  const lines: string[] = []
  presence.events.subscribe((event) => lines.push(lineOf(event)))
  return {
    presence,
    present,
    lines,
    hold: (number: number) => void held.add(incarnation(number)),
    handOut(name: string, number: number) {
      held.delete(incarnation(number))
      presence.handedOut(peerOf(name, number).ref)
    },
    snapshot() {
      const seen: string[] = []
      presence.events.subscribe((event) => seen.push(lineOf(event))).unsubscribe()
      return seen
    },
  }
}

t.test('rule 7: each subscriber is given a snapshot, the marker, and changes', async (t) => {
  const { presence, present, lines, snapshot } = lab()
  present.joined(peerOf('a', 1))
  t.strictSame(snapshot(), ['joined a 1'])
  present.complete()
  present.complete()
  present.joined(peerOf('b', 2, true))
  present.left(peerOf('a', 1))
  t.strictSame(lines, ['joined a 1', 'complete', 'joined b 2', 'suspected b 2', 'left a 1'])
  t.strictSame(snapshot(), ['joined b 2', 'suspected b 2', 'complete'])
  present.recovered(peerOf('b', 2))
  t.strictSame(snapshot(), ['joined b 2', 'complete'])
  t.strictSame(presence.peers, [peerOf('b', 2).ref])
})

t.test('rule 6: left waits for the last delivery, and the successor for left', async (t) => {
  const { present, lines, hold, handOut, snapshot } = lab()
  present.joined(peerOf('a', 1))
  hold(1)
  present.left(peerOf('a', 1))
  present.joined(peerOf('a', 2))
  present.joined(peerOf('b', 3))
  t.strictSame(lines, ['joined a 1', 'joined b 3'])
  t.strictSame(snapshot(), ['joined a 1', 'joined b 3'], 'a late subscriber sees the same')
  handOut('a', 1)
  t.strictSame(lines.slice(2), ['left a 1', 'joined a 2'])
  t.strictSame(snapshot(), ['joined a 2', 'joined b 3'])
})

t.test('a successor that left while it waited', async (t) => {
  const { present, lines, hold, handOut } = lab()
  present.joined(peerOf('a', 1))
  hold(1)
  present.left(peerOf('a', 1))
  present.joined(peerOf('a', 2))
  present.left(peerOf('a', 2)) // nothing of it was ever delivered
  present.joined(peerOf('a', 3))
  hold(3)
  present.left(peerOf('a', 3)) // it said something
  present.joined(peerOf('a', 4))
  handOut('a', 1)
  t.strictSame(lines, ['joined a 1', 'left a 1', 'joined a 3'])
  handOut('a', 3)
  t.strictSame(lines.slice(3), ['left a 3', 'joined a 4'])
})

t.test('a peer that is back before its left was shown', async (t) => {
  const { present, lines, hold, handOut } = lab()
  present.joined(peerOf('a', 1))
  hold(1)
  present.left(peerOf('a', 1))
  present.joined(peerOf('a', 1, true))
  handOut('a', 1)
  t.strictSame(lines, ['joined a 1', 'suspected a 1'])
})

t.test('rule 10: a conflict names the winner and the losers', async (t) => {
  const { presence, present } = lab()
  const seen: PresenceEvent[] = []
  presence.events.subscribe((event) => seen.push(event))
  present.conflict(peerOf('a', 1).ref, [peerOf('a', 2).ref])
  t.strictSame(seen, [{ kind: 'conflict', peer: peerOf('a', 1).ref, losers: [peerOf('a', 2).ref] }])
})

t.test('peers of one node see the same, each as far as its mailbox is', async (t) => {
  const present = new PresentPeers()
  const [one, other] = [lab(present, 8), lab(present, 9)]
  present.joined(peerOf('a', 1))
  one.hold(1)
  present.suspected(peerOf('a', 1, true))
  present.left(peerOf('a', 1, true))
  present.joined(peerOf('a', 2))
  present.complete()
  const first = ['joined a 1', 'suspected a 1']
  t.strictSame(one.lines, [...first, 'complete'])
  t.strictSame(other.lines, [...first, 'left a 1', 'joined a 2', 'complete'])
  t.strictSame([one.snapshot(), other.snapshot()], [one.lines, ['joined a 2', 'complete']])
  t.strictSame([one.presence.peers, other.presence.peers], [[peerOf('a', 1).ref], [peerOf('a', 2).ref]])
  one.handOut('a', 1)
  t.strictSame(one.lines.slice(3), ['left a 1', 'joined a 2'])
  t.strictSame(one.snapshot(), ['joined a 2', 'complete'])
  t.strictSame(lab(present, 2).snapshot(), ['complete'], 'a peer that comes later is not shown to itself')
  present.delete(one.presence)
  present.left(peerOf('a', 2))
  t.strictSame([one.lines.length, other.lines.length], [5, 6])
})

t.test('a subscriber that looks at another peer of its node sees the change that it was called for once', async (t) => {
  const present = new PresentPeers()
  const [one, other] = [lab(present, 8), lab(present, 9)]
  const late: string[] = []
  one.presence.events.subscribe((event) => {
    if (lineOf(event) === 'joined a 1') other.presence.events.subscribe((seen) => late.push(lineOf(seen)))
  })
  present.joined(peerOf('a', 1))
  t.strictSame([late, other.lines], [['joined a 1'], ['joined a 1']])
})

t.test('what peers of one node see is not kept once more for each of them', async (t) => {
  const present = new PresentPeers()
  const viewers = Array.from({ length: 500 }, (_, at) => new Presence(incarnation(at), present, () => false))
  for (const viewer of viewers) present.add(viewer)
  const before = liveBytes()
  for (let at = 0; at < 1000; at++) present.joined(peerOf(`peer-${at}`, at))
  const bytes = liveBytes() - before
  t.ok(bytes < 2_000_000, `${bytes} bytes for 1,000 peers that 500 see`)
  t.equal(viewers[0]?.peers.length, 999)
})

t.test('a peer does not see itself', async (t) => {
  const { present, lines } = lab()
  present.joined(peerOf('me', 0))
  present.left(peerOf('me', 0))
  t.strictSame(lines, [])
})

t.test('presence completes when the peer closes', async (t) => {
  const { presence, present } = lab()
  let completed = 0
  const subscription = presence.events.subscribe({ complete: () => completed++ })
  presence.close()
  present.joined(peerOf('a', 1))
  presence.events.subscribe({ complete: () => completed++ })
  t.equal(completed, 2)
  t.ok(subscription.closed)
})

t.test('subscribers that change what they look at', async (t) => {
  const { presence, present, lines } = lab()
  const other: string[] = []
  const late: string[] = []
  presence.events.subscribe((event) => {
    other.push(lineOf(event))
    if (lineOf(event) === 'joined a 1') present.left(peerOf('a', 1))
    if (lineOf(event) === 'left a 1') presence.events.subscribe((one) => late.push(lineOf(one)))
  })
  const last: string[] = []
  presence.events.subscribe((event) => last.push(lineOf(event)))
  present.joined(peerOf('a', 1))
  present.joined(peerOf('b', 2))
  for (const seen of [lines, other, last]) t.strictSame(seen, ['joined a 1', 'left a 1', 'joined b 2'])
  t.strictSame(late, ['joined b 2'])
  // a change within a snapshot comes behind it
  const within: string[] = []
  present.joined(peerOf('c', 3))
  presence.events.subscribe((event) => {
    within.push(lineOf(event))
    if (lineOf(event) === 'joined b 2') present.left(peerOf('c', 3))
  })
  t.strictSame(within, ['joined b 2', 'joined c 3', 'left c 3'])
})

/** What a roster and a mailbox do, as numbers: which name, which of its incarnations, what. */
const steps = fc.array(fc.record({ name: fc.nat(1), what: fc.nat(7) }), { maxLength: 60 })

/** Runs steps; returns what a subscriber from the beginning saw, deliveries included, and what there was to see. */
function play(sequence: readonly { name: number; what: number }[], make = () => Presence) {
  const held = new Map<string, number>()
  const all = new PresentPeers()
  const presence = new (make())(incarnation(0), all, (one) => held.has(one))
  all.add(presence)
  const lines: string[] = []
  const snapshots: { at: number; seen: string[] }[] = []
  presence.events.subscribe((event) => lines.push(lineOf(event)))
  const present: (number | undefined)[] = [undefined, undefined]
  const past: number[][] = [[], []]
  let next = 1
  for (const { name, what } of sequence) {
    const text = `n${name}`
    const one = present[name]
    if (what < 2) {
      if (one === undefined) {
        const back = past[name]?.at(-1)
        const number = what === 1 && back !== undefined ? back : next++
        present[name] = number
        all.joined(peerOf(text, number))
      }
    } else if (what < 4) {
      if (one !== undefined) {
        present[name] = undefined
        past[name]?.push(one)
        all.left(peerOf(text, one))
      }
    } else if (what === 4) {
      if (one !== undefined) held.set(incarnation(one), (held.get(incarnation(one)) ?? 0) + 1)
    } else if (what < 7) {
      // the mailbox hands out the oldest of a name
      const first = [...held.keys()].find(
        (key) => past[name]?.includes(numberOf(key)) || present[name] === numberOf(key),
      )
      if (first !== undefined) {
        lines.push(`delivery ${text} ${numberOf(first)}`)
        const left = (held.get(first) as number) - 1
        if (left > 0) held.set(first, left)
        else {
          held.delete(first)
          presence.handedOut(peerOf(text, numberOf(first)).ref)
        }
      }
    } else {
      const seen: string[] = []
      presence.events.subscribe((event) => seen.push(lineOf(event))).unsubscribe()
      snapshots.push({ at: lines.length, seen })
    }
  }
  for (const key of [...held.keys()]) {
    held.delete(key)
    for (const text of ['n0', 'n1']) presence.handedOut({ ...peerOf(text, numberOf(key)).ref })
  }
  return { lines, snapshots, present: present.map((one, name) => one && `n${name} ${one}`).filter(Boolean) }
}

/** Returns which rule is broken, if one is. */
function brokenBy({ lines, snapshots, present }: ReturnType<typeof play>): string | undefined {
  const shown = new Map<string, string>()
  for (let at = 0; at <= lines.length; at++) {
    for (const snapshot of snapshots.filter((one) => one.at === at)) {
      const wanted = [...shown].map(([name, number]) => `joined ${name} ${number}`)
      if ([...snapshot.seen].sort().join() !== wanted.sort().join()) return 'a snapshot has a hole or a duplicate'
    }
    const [kind, name, number] = lines[at]?.split(' ') ?? []
    if (kind === undefined || name === undefined || number === undefined) continue
    if (kind === 'delivery' && shown.get(name) !== number) return `a delivery of ${number} while it is not present`
    if (kind === 'joined' && shown.has(name)) return 'joined before its predecessor has left'
    if (kind === 'left' && shown.get(name) !== number) return 'left twice'
    if (kind === 'joined') shown.set(name, number)
    if (kind === 'left') shown.delete(name)
  }
  const end = [...shown].map(([name, number]) => `${name} ${number}`)
  return end.sort().join() === present.sort().join() ? undefined : `at the end ${end} is shown, and ${present} is there`
}

t.test('rules 6 and 7: any sequence', async (t) => {
  fc.assert(
    fc.property(steps, (sequence) => brokenBy(play(sequence)) === undefined),
    { numRuns: 2000, seed: 7 },
  )
  t.pass()
})

/** Presences that are broken on purpose. */
const broken: Readonly<Record<string, () => typeof Presence>> = {
  'left before the last delivery': () =>
    class extends Presence {
      constructor(self: string, present: PresentPeers) {
        super(self, present, () => false)
      }
    },
  'joined ahead of the left of the predecessor': () =>
    class extends Presence {
      override take(change: Change): void {
        if (change.kind === 'left') queueMicrotask(() => super.take(change))
        else super.take(change)
      }
    },
  'left twice': () =>
    class extends Presence {
      override take(change: Change): void {
        super.take(change)
        if (change.kind === 'left') super.take(change)
      }
    },
  'left that is never shown': () =>
    class extends Presence {
      override handedOut(): void {}
    },
}

for (const [name, make] of Object.entries(broken)) {
  t.test(`is caught: ${name}`, async (t) => {
    const found = fc.check(
      fc.property(steps, (sequence) => brokenBy(play(sequence, make)) === undefined),
      { numRuns: 500, seed: 7 },
    )
    t.ok(found.failed)
  })
}
