/**
 * The message of every benchmark: two longs, a short string and a double; 22 to 24 bytes as Avro.
 */
import { defineSchema, type Infer } from 'rivulet/avro'

/** The schema of the message. */
export const Tick = defineSchema({
  type: 'record',
  name: 'Tick',
  namespace: 'bench',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'time', type: 'long' },
    { name: 'symbol', type: 'string' },
    { name: 'price', type: 'double' },
  ],
})

/** The message. */
export type Tick = Infer<typeof Tick>

/** Makes one message. */
export function tick(id: number): Tick {
  return { id, time: 1_700_000_000_000 + id, symbol: 'ACME', price: 101.25 }
}

/** Makes messages without end. */
export function* ticks(): Generator<Tick, never> {
  for (let id = 0; ; id++) yield tick(id)
}
