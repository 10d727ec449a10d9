/**
 * Crashes at every boundary of every write of random histories: nothing that was confirmed is lost, nothing that was
 * acknowledged comes back.
 */
import t from 'tap'
import { Random } from '../simulation/random.js'
import { EngineWorld, type TestConsumer, textsOf } from './engine-world.js'

/** What the world was told. */
interface Told {
  readonly confirmed: Set<string>
  readonly acked: Set<string>
  /** The attempts of each message, and its positions. */
  readonly attempts: Map<string, number>
  readonly positions: Map<string, number>
  readonly leases: Set<number>
  readonly released: Set<string>
  /** Acknowledged by the write that may be lost; and as parts of ranges of which others were stale. */
  readonly maybe: Set<string>
  readonly inPart: Set<string>
}

const settings = { maxAttempts: 4, leaseMs: 1000, backoff: { initialMs: 10, factor: 1, maxMs: 10 } }

/** Plays a history up to a write, and crashes there. */
function play(seed: number, writes: number, isKept: boolean): { world: EngineWorld; told: Told; isOver: boolean } {
  const random = new Random(seed)
  const world = new EngineWorld()
  world.declare('jobs', { ...settings, keyOrder: seed % 2 === 0 })
  const told: Told = {
    confirmed: new Set(),
    acked: new Set(),
    attempts: new Map(),
    positions: new Map(),
    leases: new Set(),
    released: new Set(),
    maybe: new Set(),
    inPart: new Set(),
  }
  let written = 0
  const consumer = world.consumer('c', 4)
  let made = 0
  for (let act = 0; act < 40; act++) {
    told.maybe.clear()
    if (random.chance(0.5)) {
      const texts = Array.from({ length: random.between(1, 5) }, () => `m${++made}`)
      const extras = texts.flatMap((_, index) =>
        random.chance(0.4)
          ? [{ index, key: `k${random.below(2)}`, ...(random.chance(0.2) ? { delayMs: 5 } : undefined) }]
          : [],
      )
      const from = world.outcomes.length
      world.send(texts, extras)
      world.step()
      if (world.store.held > 0 && ++written > writes) return { world, told, isOver: false }
      world.run()
      if (world.outcomes.length > from) for (const text of texts) told.confirmed.add(text)
    } else if (consumer.blocks.length > 0) {
      const block = random.pick(consumer.blocks)
      const kind = random.pick(['ack', 'ack', 'nack', 'release', 'reject'] as const)
      const index = random.below(block.messages.count)
      const count = random.between(1, block.messages.count - index)
      const texts = textsOf(block).slice(index, index + count)
      if (kind === 'release') for (const text of texts) told.released.add(text)
      if (kind === 'ack') for (const text of texts) told.maybe.add(text)
      const before = consumer.outcomes.length
      consumer.settle({ kind, lease: block.lease, index, count })
      consumer.attachment.grant(count)
      world.step()
      if (world.store.held > 0 && ++written > writes) return { world, told, isOver: false }
      world.run()
      const [outcome] = consumer.outcomes[before] ?? []
      if (kind === 'ack' && outcome && outcome.settled > 0) {
        for (const text of texts) (outcome.settled === count ? told.acked : told.inPart).add(text)
      }
    } else {
      world.pass(random.pick([5, 20, 600]))
    }
    note(told, consumer)
  }
  return { world, told, isOver: isKept }
}

/** Takes down what was delivered, and that it is new. */
function note(told: Told, consumer: TestConsumer): void {
  for (const block of consumer.blocks) {
    if (told.leases.has(block.lease)) continue
    told.leases.add(block.lease)
    textsOf(block).forEach((text, index) => {
      const attempt = block.extras.find((one) => one.index === index)?.attempt ?? 1
      const before = told.attempts.get(text) ?? 0
      if (told.acked.has(text)) throw new Error(`${text} came back`)
      if (attempt < before || (attempt === before && !told.released.has(text))) {
        throw new Error(`${text} is delivered as attempt ${attempt} after ${before}`)
      }
      const position = told.positions.get(text) ?? block.positions[index]
      if (position !== block.positions[index]) throw new Error(`${text} has moved`)
      told.attempts.set(text, attempt)
      told.positions.set(text, position as number)
    })
  }
}

t.test('a crash at any write of any history', async (t) => {
  let crashes = 0
  for (let seed = 1; seed <= 12; seed++) {
    for (let writes = 0; writes < 40; writes++) {
      for (const kept of [0, 1]) {
        const { world, told } = play(seed, writes, false)
        if (world.store.held === 0) break
        crashes += 1
        const again = world.reopened(kept, { ...settings, maxAttempts: 100, keyOrder: seed % 2 === 0 })
        const known = new Set(told.leases)
        const consumer = again.consumer('d', 1000)
        // until the last lease has run out, been delivered, and been acknowledged
        for (let round = 0; round < 60 && (again.engine.counts('jobs').depth > 0 || round < 2); round++) {
          again.pass(500)
          for (const block of consumer.blocks) {
            if (known.has(block.lease)) continue
            known.add(block.lease)
            consumer.settle({ kind: 'ack', lease: block.lease })
          }
          again.run()
          note(told, consumer)
        }
        const dead = again.engine.peek('jobs.dead', 1000).map(({ body }) => Buffer.from(body).toString())
        const seen = new Set([
          ...consumer.texts,
          ...dead,
          ...told.acked,
          ...told.inPart,
          ...(kept > 0 ? told.maybe : []),
        ])
        const lost = [...told.confirmed].filter((text) => !seen.has(text))
        const twice = consumer.texts.filter((text, at, all) => all.indexOf(text) !== at)
        const places = [...told.positions.values()]
        if (lost.length > 0) t.fail(`seed ${seed}, write ${writes}, ${kept} kept: ${lost} are lost`)
        if (twice.length > 0) t.fail(`seed ${seed}, write ${writes}, ${kept} kept: ${twice} came twice`)
        if (new Set(places).size !== places.length) t.fail(`seed ${seed}, write ${writes}: a position was given twice`)
        if (again.engine.counts('jobs').depth > 0) t.fail(`seed ${seed}, write ${writes}: the queue is not empty`)
        const left = again.store.keys.filter((key) => /^(03|04|05|0a|0b)00000001/.test(key))
        if (left.length > 0) t.fail(`seed ${seed}, write ${writes}: ${left} are left`)
      }
    }
  }
  t.ok(crashes > 500, `${crashes} crashes`)
})
