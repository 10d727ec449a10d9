/** Links: sessions over sockets. */
export { LinkClient, type LinkClientPorts } from './link-client.js'
export { LinkServer, type LinkServerOptions, type LinkServerPorts } from './link-server.js'
export { type LinkOptions, maxLinkFrameBytes } from './link-settings.js'
