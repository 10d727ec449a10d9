/**
 * The first messages of a queue as they are on disk, for people to look at.
 *
 * It reads what the last writes left, and of what the engine has in memory only which leases have lapsed: a look at the
 * queue changes nothing.
 */

import { blockStartOf, positionOf } from './aside-record.js'
import { bodyStart, decodeBlock } from './block-record.js'
import type { PeekedMessage } from './engine.js'
import { decodeLease, type Lease } from './leases.js'
import { decodeMessage, type StoredMessage } from './message-record.js'
import type { EngineStore } from './ports.js'
import type { Queue } from './queue.js'
import { messageOf } from './settling.js'
import { decodeState } from './state-record.js'
import { firstNumber, keyOf, lastNumber, rangeOf, secondNumber, table } from './tables.js'

/** Reads the first messages: ready, delayed, leased. */
export function peek(store: EngineStore, queue: Queue, limit: number, wall: number): PeekedMessage[] {
  const { number, intern } = queue
  const value = store.get(keyOf(table.state, number))
  if (!value) return []
  const state = decodeState(value)
  const leases: Lease[] = []
  for (const { key, value, damaged } of store.range(...rangeOf(table.lease, number))) {
    if (!damaged) leases.push(decodeLease(firstNumber(key), value, 0))
  }
  const leased = new Set<string>()
  for (const { segments } of leases) {
    for (const { block, due, position } of segments) if (block < 0) leased.add(`${due}:${position}`)
  }
  const ready: PeekedMessage[] = []
  const delayed: PeekedMessage[] = []
  for (const { key, value, damaged } of store.range(...rangeOf(table.scheduled, number))) {
    if (ready.length >= limit || delayed.length >= limit) break
    const [due, position] = [firstNumber(key), secondNumber(key)]
    if (damaged || leased.has(`${due}:${position}`)) continue
    const message = decodeMessage(value, intern)
    if (due <= wall) ready.push(shown(position, message, 'ready'))
    else delayed.push({ ...shown(position, message, 'delayed'), due })
  }
  const showBlock = (
    start: number,
    value: Uint8Array | undefined,
    damaged: boolean | undefined,
    from: number,
  ): void => {
    const block = value && decodeBlock(start, value, intern, damaged)
    let at = block ? bodyStart(block.lengths, from) : 0
    for (let index = from; block && index < block.count && ready.length < limit; index++) {
      const message = messageOf(block, index, at)
      at += message.body.length
      if (!block.bad?.has(index)) ready.push(shown(block.start + index, message, 'ready'))
    }
  }
  for (const { key, value, damaged } of store.range(...rangeOf(table.aside, number))) {
    if (ready.length >= limit) break
    const start = blockStartOf(key)
    if (start !== undefined)
      showBlock(start, store.get(keyOf(table.block, number, start)), false, positionOf(key) - start)
    else if (!damaged) ready.push(shown(positionOf(key), decodeMessage(value, intern), 'ready'))
  }
  for (const { key, value, damaged } of store.range(
    keyOf(table.block, number, state.headStart),
    keyOf(table.block, number + 1),
  )) {
    if (ready.length >= limit) break
    const start = firstNumber(key)
    showBlock(start, value, damaged, start === state.headStart ? state.headOffset : 0)
  }
  for (const { key, value, damaged } of store.range(...rangeOf(table.parked, number))) {
    if (ready.length >= limit) break
    if (!damaged) ready.push(shown(lastNumber(key), decodeMessage(value, intern), 'ready'))
  }
  const found = [...ready, ...delayed]
  for (const lease of leases) {
    if (found.length >= limit) break
    found.push(...leasedOf(store, queue, lease))
  }
  return found.slice(0, limit)
}

function leasedOf(store: EngineStore, { number, intern, leases }: Queue, lease: Lease): PeekedMessage[] {
  const { segments } = lease
  const state = leases.get(lease.number)?.lapsedAt === undefined ? 'leased' : 'ready'
  const shownUnder = (position: number, message: StoredMessage) => {
    const one = shown(position, message, state)
    return { ...one, attempts: one.attempts + 1 }
  }
  return segments.flatMap(({ block: start, due, position, count }) => {
    const value = store.get(
      start < 0 ? keyOf(table.scheduled, number, due, position) : keyOf(table.block, number, start),
    )
    if (!value) return []
    if (start < 0) return [shownUnder(position, decodeMessage(value, intern))]
    const block = decodeBlock(start, value, intern)
    if (!block) return []
    let at = bodyStart(block.lengths, position - start)
    return Array.from({ length: count }, (_, offset) => {
      const message = messageOf(block, position - start + offset, at)
      at += message.body.length
      return shownUnder(position + offset, message)
    })
  })
}

function shown(position: number, message: StoredMessage, state: PeekedMessage['state']): PeekedMessage {
  const { time, schemaId, body, attempts, id, key, history = [], origin, sender } = message
  return {
    position,
    time,
    schemaId,
    body,
    attempts,
    state,
    history,
    ...(id === undefined ? undefined : { id }),
    ...(key === undefined ? undefined : { key }),
    ...(origin === undefined ? undefined : { origin }),
    ...(sender === undefined ? undefined : { sender }),
  }
}
