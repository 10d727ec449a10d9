/**
 * A directory: who is where, as live lists that follow what is announced; several hosts, without a server to install.
 *
 * @module rivulet/directory
 */

export type {
  DirectoryEntry,
  HasPeerDirectory,
  PeerAnnouncement,
  PeerConflict,
  PeerDirectory,
  PeerRecord,
} from '../../src/discovery/index.js'
export type { Announceable, Announcement } from './announcement.js'
export { createDirectory, type Directory } from './directory.js'
export type { DirectoryStats } from './directory-resource.js'
export { createDirectoryHost, type DirectoryHost, type DirectoryHostStats } from './host.js'
export type { AnnounceOptions, DirectoryHostOptions, DirectoryOptions } from './options.js'
