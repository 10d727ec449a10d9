/** A service for servers in processes of their own: what takes long, much or for ever, and what the process says of itself. */
import { defineService } from '../../src/avro/index.js'

/** What the process can do. */
export const Plant = defineService({
  protocol: 'Plant',
  messages: {
    quick: { request: [{ name: 'id', type: 'int' }], response: 'int' },
    hold: { request: [{ name: 'id', type: 'int' }], response: 'int' },
    safe: { request: [{ name: 'id', type: 'int' }], response: 'int', 'x-idempotent': true },
    block: { request: [{ name: 'milliseconds', type: 'int' }], response: 'int' },
    large: { request: [{ name: 'bytes', type: 'int' }], response: 'bytes' },
    items: {
      request: [
        { name: 'count', type: 'int' },
        { name: 'padding', type: 'int', default: 0 },
      ],
      response: 'bytes',
      'x-stream': 'server',
    },
    count: { request: [{ name: 'item', type: 'bytes' }], response: 'int', 'x-stream': 'client' },
    peakMb: { request: [], response: 'double' },
    stats: { request: [], response: 'string' },
  },
})
