/** Resources: what all of them show and have in common, whatever their messages go over. */
export type { EndpointChange, EndpointCount, LinkChange, LinkState } from './link-change.js'
export { Links, type LinksPorts } from './links.js'
export { PartLinks } from './part-links.js'
export type { Resource } from './resource.js'
export { ResourceBase, type ResourceMaker, type ResourceSettings } from './resource-base.js'
export type { ResourceScope, Transport } from './transport.js'
