/** The order of a picture, which the producer and the workers share. */
import { defineSchema, type Infer, record } from 'rivulet/avro'

export const Picture = defineSchema(record('Picture', { name: 'string', zoom: 'int' }))
export type Picture = Infer<typeof Picture>
