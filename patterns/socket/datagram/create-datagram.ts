/** The factory of datagrams: their code, and Avro with it, is loaded when the first socket is opened. */
import type { Datagram } from './datagram-contract.js'
import {
  type ByteDatagramOptions,
  type DatagramOptions,
  type RawDatagramOptions,
  resolveDatagramOptions,
} from './options.js'

/**
 * Opens a socket of datagrams over UDP.
 *
 * Resolves when it is bound, whether or not an interface has joined the group yet. Messages may be lost, doubled or reordered;
 * `stats()` counts that for each source. There is no encryption and no proof of the sender.
 *
 * @param options - `raw: true`; the others have defaults.
 * @example
 * ```ts
 * import { defineSchema, record } from 'rivulet/avro'
 * import { createDatagram } from 'rivulet/socket'
 *
 * const Reading = defineSchema(record('Reading', { sensor: 'string', celsius: 'double' }))
 * const receiver = await createDatagram({ schema: Reading, bind: 'udp://127.0.0.1:*' })
 * receiver.deliveries.subscribe(async ({ value, from, lost }) => {
 *   console.log(value.sensor, from, lost)
 *   await receiver.close()
 * })
 *
 * const sender = await createDatagram({ schema: Reading, to: receiver.endpoint })
 * await sender.send({ sensor: 'roof', celsius: 21.5 })
 * await sender.close()
 * ```
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED; RIVULET_CLOSED if `runtime` is closed
 */
export function createDatagram(options: ByteDatagramOptions): Promise<Datagram<Uint8Array, Buffer>>
/**
 * Opens a socket of datagrams over UDP, whose messages have a schema.
 *
 * @param options - `schema`, or `raw: { schema }`; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED; RIVULET_CLOSED if `runtime` is closed
 */
export function createDatagram<In, Out>(
  options: DatagramOptions<In, Out> | RawDatagramOptions<In, Out>,
): Promise<Datagram<In, Out>>
export async function createDatagram(options: unknown): Promise<Datagram<never, unknown>> {
  const resolved = resolveDatagramOptions(options)
  const { DatagramResource } = await import('./datagram.js')
  return DatagramResource.create<never, unknown>(resolved)
}
