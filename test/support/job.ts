/** The schema that most tests send. */
import { defineSchema, type Infer } from '../../src/avro/index.js'

/** A job with a number and, if wanted, some weight. */
export const Job = defineSchema({
  type: 'record',
  name: 'Job',
  namespace: 'test',
  fields: [
    { name: 'id', type: 'int' },
    { name: 'note', type: 'string', default: '' },
  ],
})

/** A job. */
export type Job = Infer<typeof Job>

/** Jobs with the ids from `first` to `first + count - 1`. */
export function jobs(count: number, first = 0): { id: number }[] {
  return Array.from({ length: count }, (_, index) => ({ id: first + index }))
}
