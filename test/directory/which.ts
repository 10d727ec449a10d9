/** A service by which a server says who it is. */
import { defineService } from '../../src/avro/index.js'

/** Says who answers. */
export const Which = defineService({
  protocol: 'Which',
  namespace: 'test',
  messages: { server: { request: [], response: 'string', 'x-idempotent': true } },
})
