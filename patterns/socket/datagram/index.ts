/** Datagrams over UDP. */
export { createDatagram } from './create-datagram.js'
export type { Datagram, DatagramStats } from './datagram-contract.js'
export type { DatagramDelivery } from './delivery.js'
export type {
  ByteDatagramOptions,
  DatagramOptions,
  DatagramSettings,
  MulticastOptions,
  RawDatagramOptions,
} from './options.js'
export type { DatagramSource, DatagramSourceCounts } from './source-table.js'
