/** The contract between the members of a chat: what they send each other, and ask each other. */
import { defineSchema } from 'rivulet/avro'
import { defineAsk } from 'rivulet/messaging'

/** A line of the chat: to all who are there, or to one alone. */
export const Line = defineSchema({
  type: 'record',
  name: 'Line',
  namespace: 'chat',
  fields: [
    { name: 'text', type: 'string' },
    { name: 'isPrivate', type: 'boolean' },
  ],
})

/** How many lines a member has received. */
export const linesOf = defineAsk('lines', defineSchema('null'), defineSchema('int'))
