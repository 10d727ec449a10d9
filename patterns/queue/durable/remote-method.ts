/** The methods of the service of a host as the calls that carry the streams of clients. */
import { serviceOf } from '../../../src/avro/service-codec.js'
import type { CallClient, ClientMethod } from '../../../src/call/index.js'
import type { RemoteMethod } from '../../../src/conversation/index.js'
import { type QueueMethod, QueueService, refusals } from './wire.js'

/** Returns a method of the service as the call that carries a stream of a client. */
export function remoteMethod(client: CallClient, name: QueueMethod): RemoteMethod {
  return {
    method: client.bind(serviceOf(QueueService)).methods.get(name) as ClientMethod,
    // settlements are sent before the host closes; messages stay with their producer until they are confirmed
    endsWhenDraining: name === 'consume',
    leavesStranded: true,
    causeOf: (cause) => refusals.causeOf(name, cause),
  }
}
