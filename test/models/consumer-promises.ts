/** What is promised of the messages of a queue when all of its consumers are closed. */
import type { QueuedMessage } from '../../patterns/queue/index.js'
import type { Sent, World } from './consumer-world.js'
import type { Handed } from './queue-workers.js'

type Found = QueuedMessage<{ readonly id: number }>

/** Each message is acknowledged, or there once, or a dead letter, with its attempts and what was said of the last. */
export function checkMessages(world: World, present: readonly Found[], dead: readonly Found[]): void {
  const { lab, sent } = world
  const places = new Map<number, { readonly found: Found; readonly isDead: boolean }>()
  for (const [isDead, messages] of [
    [false, present],
    [true, dead],
  ] as const) {
    for (const found of messages) {
      const number = found.value?.id ?? -1
      lab.expect(!places.has(number), `message ${number} is there twice`)
      lab.expect(sent.has(number), `message ${number} was never sent`)
      places.set(number, { found, isDead })
    }
  }
  const isWhole = world.workers.every(({ consumer }) => {
    const { released = 0, closed = 0 } = consumer.stats().dropped
    return released + closed === 0
  })
  for (const [number, one] of sent) {
    const place = places.get(number)
    const text = (what: string) => () => `message ${number}, ${describe(one)}: ${what}`
    checkFate(world, one, place !== undefined, text)
    for (const handed of one.handed) checkInTime(world, handed, text)
    if (place === undefined) continue
    const { found, isDead } = place
    lab.expect(found.id === one.own.id && found.key === one.own.key, text(`id ${found.id}, key ${found.key}`))
    checkHistory(world, one, found, isDead, text)
    if (isWhole && !isDead) checkLateAcks(world, one, found, text)
  }
}

type Text = (what: string) => () => string

function describe({ result, handed }: Sent): string {
  const deliveries = handed.map(({ attempt, said, outcome }) => `${attempt} ${said ?? 'in hand'} ${outcome ?? ''}`)
  return `${result ? 'confirmed' : 'not confirmed'}, deliveries [${deliveries.join(', ')}]`
}

/** What is said in time counts. */
function checkInTime({ lab, isCalm, leaseMs }: World, handed: Handed, text: Text): void {
  const { saidAt, since, worker, outcome } = handed
  if (!isCalm || saidAt === undefined || saidAt - since > leaseMs / 2 || worker.left) return
  lab.expect(outcome === 'done', text(`what was said in time came to ${outcome}`))
}

/** Whether it is there or not. */
function checkFate({ lab }: World, { result, error, handed }: Sent, isThere: boolean, text: Text): void {
  const acks = handed.filter(({ said }) => said === 'ack')
  const isAcked = acks.some(({ outcome }) => outcome === 'done')
  // one that was closed has given it back; that a lease is lost may be true of others that were said with it
  const isUnknown = acks.some(
    ({ outcome, isUnsure }) => isUnsure || !['done', 'RIVULET_CLOSED'].includes(outcome ?? ''),
  )
  if (error?.executed === 'no') lab.expect(!isThere && handed.length === 0, text('it was refused, and was stored'))
  if (isAcked && !isUnknown) lab.expect(!isThere, text('it was acknowledged, and is there'))
  if (!isAcked && !isUnknown && result !== undefined) lab.expect(isThere, text('it is lost'))
}

/** What failed so far. */
function checkHistory(world: World, { handed }: Sent, found: Found, isDead: boolean, text: Text): void {
  const { lab, maxAttempts, buriesUnread } = world
  const last = handed.at(-1)
  const failure = found.history.at(-1)
  const attempts = isDead ? (failure?.attempt ?? 0) : found.attempts
  const isRejected = handed.some(({ said, outcome }) => said === 'reject' && outcome === 'done')
  if (isRejected) lab.expect(isDead, text('it was rejected, and is no dead letter'))
  if (isDead && !buriesUnread)
    lab.expect(isRejected || attempts >= maxAttempts || last?.isUnsure === true || isMaybe(last, 'reject'), () =>
      text(`a dead letter after ${attempts} attempts`)(),
    )
  if (!isDead) lab.expect(attempts < maxAttempts, text(`${attempts} attempts, and no dead letter`))
  lab.expect(attempts >= (last?.attempt ?? 0), text(`${attempts} attempts`))
  if (world.isCalm && !(isDead && buriesUnread)) lab.expect(attempts === handed.length, text(`${attempts} attempts`))
  if (last?.attempt !== attempts || last.isUnsure || last.outcome !== 'done') return
  if (last.said === 'ack') return
  const isOwn = failure?.cause === last.said && failure?.reason === last.reason && failure?.attempt === last.attempt
  lab.expect(isOwn, text(`its history ends with ${JSON.stringify(failure)}`))
  const { name } = last.worker
  const consumer = failure?.consumer ?? ''
  lab.expect(name === undefined || consumer.startsWith(`${name}/`), text(`its consumer is ${consumer}`))
}

/** Something that was said, of which nobody knows what came of it. */
function isMaybe(handed: Handed | undefined, kind: string): boolean {
  return handed?.said === kind && handed.outcome !== 'done'
}

/** An acknowledgement that was refused came too late: the message had been dealt out again. */
function checkLateAcks({ lab }: World, { handed }: Sent, found: Found, text: Text): void {
  const last = handed.at(-1)
  if (last?.said !== 'ack' || last.isUnsure || last.outcome !== 'RIVULET_LEASE_LOST') return
  lab.expect(found.attempts > last.attempt, text('its ack was refused, and nobody else had it'))
}

/** Messages of one key had their first deliveries in the order of their turns. */
export function checkKeyOrder({ lab, setup, turns, sent }: World): void {
  if (!setup.queue.keyOrder) return
  const dueOf = ({ number, delivery }: Handed) => delivery.time.getTime() + (sent.get(number)?.own.delayMs ?? 0)
  for (const [key, handed] of turns) {
    for (const [at, next] of handed.entries()) {
      const before = handed[at - 1]
      if (!before) continue
      const [one, other] = [dueOf(before), dueOf(next)]
      const inOrder = one < other || (one === other && before.delivery.position < next.delivery.position)
      const text = () =>
        handed.map(({ number, delivery }) => `${number} (${delivery.time.getTime()}, ${delivery.position})`)
      lab.expect(inOrder, () => `key ${key} in disorder: ${text().join(', ')}`)
    }
  }
}
