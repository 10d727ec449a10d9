/** Checksums of frames and of records. */
export { crc32 } from './crc32.js'
