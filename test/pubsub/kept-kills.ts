/**
 * Kills a publisher whose history is on disk again and again, and holds it to what it has confirmed.
 *
 * Held: after each restart a replay has every message that a flush had confirmed and every message that a subscriber had got,
 * under the same number; no number of a topic is given to two messages, and none is left out.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import type { Runtime } from '../../src/runtime/index.js'
import { loader, modulePath } from '../child-process.js'
import type { Scope } from '../support/scope.js'
import { seeded } from '../support/seeded.js'
import { HistoryClient } from './history-client.js'
import { Old } from './schemas.js'

/** How often, where and with which chance. */
export interface KeptKillsOptions {
  readonly runtime: Runtime
  /** A folder of its own. */
  readonly folder: string
  readonly rounds: number
  readonly seed: number
  progress?(round: number, counts: KeptCounts): void
}

/** What was found. */
export interface KeptCounts {
  readonly confirmed: number
  /** Messages that a subscriber got, and messages that were replayed. */
  readonly live: number
  readonly replayed: number
  readonly faults: readonly string[]
}

/** Ids of one life. */
const idsPerLife = 10_000_000

/** Kills so often, and compares. */
export async function keptKills(t: Scope, options: KeptKillsOptions): Promise<KeptCounts> {
  const { runtime, folder, rounds, seed, progress } = options
  const random = seeded(seed)
  const [bind, links] = [`ipc://${join(folder, 's')}`, `ipc://${join(folder, 'l')}`]
  const faults: string[] = []
  /** The id under each number of a topic, and the number of each id. */
  const ids = new Map<string, number>()
  const kept = new Set<number>()
  let [confirmed, live, replayed, position] = [0, 0, 0, 0]
  const note = (place: string, id: number) => {
    const known = ids.get(place)
    if (known === undefined) ids.set(place, id)
    else if (known !== id) faults.push(`${place} is ${known} and ${id}`)
  }
  const subscriber = await createSubscriber({ connect: bind, runtime })
  subscriber.errors.subscribe()
  let unchecked = new Set<number>()
  let onLive = () => {}
  subscriber.events('#', Old).subscribe((event) => {
    if (event.kind !== 'message') return
    live += 1
    note(`${event.topic} ${event.sequence}`, event.value.id)
    unchecked.add(event.value.id)
    onLive()
  })
  let source: string | undefined
  for (let round = 0; round < rounds; round++) {
    const due = 1 + Math.floor(random() * 30)
    let flushes = 0
    const args = [bind, join(folder, 'history'), links, `${round * idsPerLife + 1}`, `${seed + round}`]
    const child = spawn(
      'env',
      ['-u', 'NODE_OPTIONS', process.execPath, ...loader, modulePath('test/pubsub/kept-process.ts'), ...args],
      { stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'ipc'] },
    )
    const kill = () => child.kill('SIGKILL')
    t.teardown(kill)
    // in every other round the subscriber is there before the kill, however long it takes to connect again
    let isLive = round % 2 > 0
    onLive = () => {
      isLive = true
      if (flushes >= due) kill()
    }
    let rest = ''
    ;(child.stdio[3] as Readable).setEncoding('latin1').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() as string
      for (const line of lines) {
        const [kind, ...words] = line.split(' ')
        if (kind !== 'f') continue
        for (let at = 1; at < words.length; at += 2) unchecked.add(Number(words[at]))
        confirmed += words.length / 2
        flushes += 1
        if (flushes >= due && isLive) kill()
      }
    })
    const ended = once(child, 'close')
    await ended
    const checked = unchecked
    unchecked = new Set()
    position = await replayFrom(position)
    for (const id of checked) if (!kept.has(id)) faults.push(`${id} was confirmed or received, and is not kept`)
    progress?.(round + 1, { confirmed, live, replayed, faults })
  }
  await subscriber.close({ drain: false })
  checkNumbers()
  return { confirmed, live, replayed, faults }

  /** Opens the folder in this process, and reads what is behind a position; returns the last one. */
  async function replayFrom(after: number): Promise<number> {
    const history = { path: join(folder, 'history'), bind: links }
    const publisher = await createPublisher({ bind: `inproc://kept-${seed}`, runtime, history })
    const client = await HistoryClient.open(t, { runtime })
    client.dial({ address: links })
    const { present: [found] = [] } = await client.sources()
    if (found === undefined) throw new Error('a publisher without its own source')
    const name = Buffer.from(found.source).toString('hex')
    source ??= name
    if (name !== source) faults.push(`source ${name} in place of ${source}`)
    const { frames, expired } = await client.replay(found.source, [{ pattern: '#', after }], Old)
    if (expired.length > 0) faults.push(`${expired.length} topics have expired messages`)
    for (const { topic, sequence, values } of frames) {
      for (const [at, { id }] of values.entries()) {
        replayed += 1
        note(`${topic} ${sequence + at}`, id)
        kept.add(id)
      }
    }
    await client.links.close()
    await publisher.close()
    return found.position
  }

  /** Each topic has all numbers up to its last. */
  function checkNumbers(): void {
    const last = new Map<string, number>()
    const counts = new Map<string, number>()
    for (const place of ids.keys()) {
      const [topic = '', sequence] = place.split(' ')
      last.set(topic, Math.max(last.get(topic) ?? 0, Number(sequence)))
      counts.set(topic, (counts.get(topic) ?? 0) + 1)
    }
    for (const [topic, number] of last) {
      if (counts.get(topic) !== number) faults.push(`topic ${topic} has ${counts.get(topic)} of ${number} numbers`)
    }
  }
}
