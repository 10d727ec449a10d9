/** The messages of the interop tests: a value of nearly every type, and the schema in two versions. */
import { defineSchema, type Infer } from '../../src/avro/index.js'

/** A record with nearly every type of Avro. */
export const Job = defineSchema({
  type: 'record',
  name: 'Job',
  namespace: 'interop',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'delta', type: 'int' },
    { name: 'ratio', type: 'double' },
    { name: 'urgent', type: 'boolean' },
    { name: 'text', type: 'string' },
    { name: 'note', type: ['null', 'string'], default: null },
    { name: 'level', type: { type: 'enum', name: 'Level', symbols: ['LOW', 'HIGH'] } },
    {
      name: 'place',
      type: {
        type: 'record',
        name: 'Place',
        fields: [
          { name: 'x', type: 'float' },
          { name: 'tags', type: { type: 'array', items: 'string' } },
        ],
      },
    },
    { name: 'counts', type: { type: 'map', values: 'long' } },
    { name: 'body', type: 'bytes' },
    { name: 'key', type: { type: 'fixed', name: 'Key', size: 4 } },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ],
})
export type Job = Infer<typeof Job>

/** Its text as JSON, which is what travels. */
export const jobText = JSON.stringify(Job.json)

/** An older version, without most of the fields; what `Later` reads of it. */
export const Former = defineSchema({
  type: 'record',
  name: 'Task',
  fields: [
    { name: 'id', type: 'int' },
    { name: 'text', type: 'string' },
  ],
})

/** A newer version of `Former`. */
export const Later = defineSchema({
  type: 'record',
  name: 'Task',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'text', type: 'string' },
    { name: 'owner', type: ['null', 'string'], default: null },
  ],
})

/** Jobs with values at the edges: numbers beyond 32 bits, negative ones, text beyond ASCII, both branches. */
export const jobs: readonly Job[] = [
  job({ id: 0 }),
  job({ id: 2 ** 31, delta: -(2 ** 31), text: 'Grüße, 世界 🌊', note: 'ünïcode' }),
  job({ id: -(2 ** 40) - 1, delta: 2 ** 31 - 1, ratio: -0.1, level: 'HIGH', body: Buffer.from([0, 255, 82, 118]) }),
  job({ id: Number.MAX_SAFE_INTEGER, urgent: true, counts: { a: 2 ** 33, ß: -1 } }),
  job({ id: -Number.MAX_SAFE_INTEGER, at: new Date('1969-07-20T20:17:40.123Z'), key: Buffer.from('cafe0001', 'hex') }),
]

function job(differences: Partial<Job>): Job {
  return {
    id: 1,
    delta: 0,
    ratio: 1.5,
    urgent: false,
    text: 'plain',
    note: null,
    level: 'LOW',
    place: { x: 0.5, tags: ['a', 'é'] },
    counts: {},
    body: Buffer.alloc(0),
    key: Buffer.from([1, 2, 3, 4]),
    at: new Date('2026-11-22T12:00:00.789Z'),
    ...differences,
  }
}
