/** Links: sessions over sockets, and a session of a resource with itself. */
export { LinkSet, type LinkSetOptions } from './link-set.js'
export type { LinkOptions } from './link-settings.js'
export { Loopback, type LoopbackLimits } from './loopback.js'
