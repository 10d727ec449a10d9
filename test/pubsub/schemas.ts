/** Versions of one schema, and one that goes with none of them. */
import { defineSchema } from '../../src/avro/index.js'

/** The first version. */
export const Old = defineSchema({
  type: 'record',
  name: 'Reading',
  namespace: 'test',
  fields: [{ name: 'id', type: 'int' }],
})

/** The second: a field more, which has a default. */
export const New = defineSchema({
  type: 'record',
  name: 'Reading',
  namespace: 'test',
  fields: [
    { name: 'id', type: 'int' },
    { name: 'unit', type: 'string', default: 'm' },
  ],
})

/** Another type under the same field. */
export const Other = defineSchema({
  type: 'record',
  name: 'Reading',
  namespace: 'test',
  fields: [{ name: 'id', type: 'string' }],
})
