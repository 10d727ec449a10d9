/**
 * The program of a process that is killed: one peer, which sends to others without a pause and keeps account of it.
 *
 * Argument: what `KilledSettings` says, as JSON. It answers each message of its parent, see `killed-peers.ts`, with one.
 */
import { openSync, writeSync } from 'node:fs'
import { createPeer } from '../../patterns/messaging/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { turn, until } from '../support/events.js'
import { type RoundReport, repeatEvery, type SeenReport } from './kill-ledger.js'
import type { KilledAnswer, KilledCommand, KilledSettings } from './killed-peers.js'
import { Report } from './peers.js'

const { name, bind, connect, others, log } = JSON.parse(process.argv[2] as string) as KilledSettings

const logFile = openSync(log, 'w')

/** Messages in flight to one other peer. */
const inFlight = 8

/** How often a process looks whether it has stalled, in milliseconds. */
const lookMs = 50

const ways = { ...(bind !== undefined && { bind }), ...(connect.length > 0 && { connect }) }
const peer = await createPeer({ name, ...ways })

/** What was sent to one peer. */
class Sent {
  readonly to: string
  next = 0
  before: number[] = []
  since: number[] = []
  failed: { place: number; outcome: string; mayRepeat: boolean }[] = []
  /** Whether the peer was seen to leave in this round. */
  hasLeft = false
  confirmed = 0

  constructor(to: string) {
    this.to = to
  }

  async send(): Promise<void> {
    const place = this.next++
    const mayRepeat = place % repeatEvery === 0
    const options = { timeoutMs: Number.POSITIVE_INFINITY, ...(mayRepeat && { delivery: 'at-least-once' as const }) }
    try {
      await peer.send(this.to, Report, { id: place }, options)
      this.confirmed += 1
      ;(this.hasLeft ? this.since : this.before).push(place)
    } catch (error) {
      const { code, executed } = error as RivuletError
      this.failed.push({ place, outcome: `${code} ${executed}`, mayRepeat })
      await turn() // where the former process has the name, each fails at once
    }
  }

  clear(): void {
    this.before = []
    this.since = []
    this.failed = []
    this.hasLeft = false
  }
}

const sent = new Map(others.map((other) => [other, new Sent(other)]))
let received: Record<string, number[]> = {}
let seen: SeenReport[] = []
let stalledMs = 0
let lookedAt = performance.now()
let isSending = false
let senders: Promise<void>[] = []

peer.errors.subscribe(() => {}) // links to processes that were killed
peer.presence.subscribe((event) => {
  if (!('peer' in event)) return
  const { kind, peer: other } = event
  seen.push({ kind, name: other.name, incarnation: other.incarnation, at: Date.now() })
  const to = sent.get(other.name)
  if (kind === 'left' && to !== undefined) to.hasLeft = true
})
peer.deliveries(Report).subscribe(({ from: { incarnation }, value: { id } }) => {
  const places = received[incarnation]
  if (places === undefined) received[incarnation] = [id]
  else places.push(id)
  writeSync(logFile, `${incarnation} ${id}\n`) // what is written is there after a kill
})

async function sendAll(to: Sent): Promise<void> {
  while (isSending) await to.send()
}

const answers: Readonly<
  Record<KilledCommand['kind'], (command: KilledCommand) => Promise<KilledAnswer> | KilledAnswer>
> = {
  open: () => ({ endpoint: peer.endpoint, incarnation: peer.self.incarnation }),
  async complete() {
    await until(() => others.every((other) => peer.peers.some((one) => one.name === other)))
    return {}
  },
  go() {
    isSending = true
    senders = [...sent.values()].flatMap((to) => Array.from({ length: inFlight }, () => sendAll(to)))
    return {}
  },
  async progress({ messages = 0 }) {
    const marks = [...sent.values()].map((to) => ({ to, confirmed: to.confirmed }))
    await until(() => marks.every(({ to, confirmed }) => to.confirmed - confirmed >= messages))
    return {}
  },
  async left({ incarnations = [] }) {
    await until(() =>
      incarnations.every((one) => seen.some((event) => event.kind === 'left' && event.incarnation === one)),
    )
    return {}
  },
  async pause() {
    isSending = false
    await Promise.all(senders)
    return {}
  },
  async report() {
    await until(() => peer.stats().incoming.pending === 0)
    const outgoing = [...sent.values()].map(({ to, before, since, failed }) => [to, { before, since, failed }])
    const report: RoundReport = { sent: Object.fromEntries(outgoing), received, seen, stalledMs }
    received = {}
    stalledMs = 0
    seen = []
    for (const to of sent.values()) to.clear()
    return { report }
  },
}

setInterval(() => {
  const now = performance.now()
  stalledMs = Math.max(stalledMs, now - lookedAt - lookMs)
  lookedAt = now
}, lookMs).unref()

process.on('message', async (command: KilledCommand) => {
  const answer = await answers[command.kind](command)
  process.send?.(answer, undefined, undefined, () => {}) // its parent may have ended
})
process.on('disconnect', () => process.exit())
process.send?.({})
