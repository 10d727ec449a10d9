/** A relay over real sockets that loses, reorders, doubles and delays: the counts of each source are those of an oracle. */
import t from 'tap'
import { createDatagram } from '../../patterns/socket/datagram/index.js'
import { defineSchema } from '../../src/avro/index.js'
import { total, turn, until } from '../support/events.js'
import { type Counts, Oracle } from './oracle.js'
import { placeOf, Relay } from './relay.js'

const Count = defineSchema('long')

/** Messages that may be in transit between two sockets: the smallest buffer that a system gives takes them. */
const inTransit = 40

for (const seed of [20_261_130, Math.floor(Math.random() * 1e9)]) {
  t.test(`seed ${seed}`, async (t) => {
    const receiver = await createDatagram({ schema: Count, bind: 'udp://127.0.0.1:*' })
    t.teardown(() => receiver.close({ drain: false }))
    const delivered: { value: number; source: number; sequence: number; lost: number }[] = []
    receiver.deliveries.subscribe(({ value, sequence, lost }) => {
      delivered.push({ value: value % 1e6, source: Math.floor(value / 1e6), sequence, lost })
    })
    const settings = { loss: 0.1, doubling: 0.1, delay: 0.2, mostDelayed: 30 }
    const relay = await Relay.open(t, receiver.endpoint, seed, settings)
    const senders = [
      await createDatagram({ schema: Count, to: relay.endpoint }),
      await createDatagram({ schema: Count, to: relay.endpoint }),
      await createDatagram({ schema: Count, to: relay.endpoint, batch: true }),
    ]
    for (const sender of senders) t.teardown(() => sender.close({ drain: false }))
    const isTaken = () => receiver.stats().incoming.received >= relay.passedMessages
    let sent = 0
    for (let round = 0; round < 30; round++) {
      for (const [source, sender] of senders.entries()) {
        const count = source === 2 ? 400 : inTransit / 4
        for (let at = 0; at < count; at++) void sender.send(source * 1e6 + round * count + at + 1)
        await turn()
        // a turn of the third is a few datagrams
        sent += source === 2 ? 0 : count
        await until(() => relay.seen >= sent && senders.every((one) => one.stats().outgoing.pending === 0))
        await until(isTaken)
      }
    }
    relay.flush()
    await until(isTaken)
    // the first datagrams of all sources are recorded and sent again: those of the third are beyond the window
    const firsts = new Map<string, Buffer>()
    for (const bytes of relay.passed) {
      const { source, count } = placeOf(bytes)
      if (count > 0 && !firsts.has(source)) firsts.set(source, bytes)
    }
    for (const bytes of firsts.values()) {
      relay.replay(bytes)
      await until(isTaken)
    }

    const oracles = new Map<string, { oracle: Oracle; delivered: number }>()
    for (const bytes of relay.passed) {
      const { source, ...arrived } = placeOf(bytes)
      const known = oracles.get(source) ?? { oracle: new Oracle(), delivered: 0 }
      oracles.set(source, known)
      if (known.oracle.arrive(arrived)) known.delivered += arrived.count
    }
    const stats = receiver.stats()
    t.equal(stats.sources.length, 3)
    const sums: Counts = { received: 0, lost: 0, late: 0, duplicate: 0, replayed: 0 }
    for (const { from, source, ...counts } of stats.sources) {
      const expected = oracles.get(source)?.oracle.counts()
      t.strictSame(counts, expected, `source ${source}`)
      t.equal(from, relay.endpoint)
      for (const name of Object.keys(sums) as (keyof Counts)[]) sums[name] += counts[name]
    }
    const { received, lost, late, duplicate, replayed } = stats
    t.strictSame({ received, lost, late, duplicate, replayed }, sums)
    for (const name of ['lost', 'late', 'duplicate', 'replayed'] as const) t.ok(sums[name] > 0, `some are ${name}`)
    const { incoming } = stats
    t.equal(incoming.delivered, received)
    t.equal(incoming.delivered + total(incoming.dropped) + incoming.pending, incoming.received)
    t.strictSame(incoming.dropped, { duplicate, replayed })
    // each message has its own number, once
    t.equal(delivered.length, received)
    t.equal(new Set(delivered.map(({ source, sequence }) => `${source} ${sequence}`)).size, received)
    t.ok(delivered.every(({ value, sequence }) => value === sequence))
    // what was noticed as missing has come late, or is still missing
    const noticed = delivered.reduce((sum, one) => sum + one.lost, 0)
    t.ok(noticed <= lost + late && noticed > 0)
  })
}
