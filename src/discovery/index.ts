/** Discovery: where to connect, as a list that may change, and what a directory offers to other patterns. */
export {
  type DirectoryEntry,
  type HasPeerDirectory,
  type PeerAnnouncement,
  type PeerConflict,
  type PeerDirectory,
  type PeerRecord,
  peerDirectory,
} from './directory-contract.js'
export { DnsEndpoints, type DnsResolver, type FromDnsOptions, fromDns, type SrvRecord } from './dns.js'
export { EndpointFile, fromFile } from './endpoint-file.js'
export type { Endpoint, EndpointInput, Endpoints } from './endpoints.js'
