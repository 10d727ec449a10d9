/** Links: sessions over sockets. */
export { LinkSet, type LinkSetOptions } from './link-set.js'
export type { LinkOptions } from './link-settings.js'
