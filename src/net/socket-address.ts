/** Endpoints as Node takes them: a host and a port, or a path. */

/** Where to listen or connect. */
export interface SocketAddress {
  /** Without brackets; `undefined` for a path, and for all interfaces. */
  readonly host: string | undefined
  /** 0 for any. */
  readonly port: number | undefined
  readonly path: string | undefined
}

/** Takes an endpoint apart that was checked: `tcp://host:port` or `ipc://path`. */
export function socketAddress(endpoint: string): SocketAddress {
  const [, bracketed, plain, port] = /^tcp:\/\/(?:\[(.+)\]|(.+)):(\*|\d+)$/.exec(endpoint) ?? []
  if (port === undefined) {
    const path = endpoint.slice('ipc://'.length)
    // a name of its own kind, of no file: `@name` by convention, a null character for the system
    return { host: undefined, port: undefined, path: path.startsWith('@') ? `\0${path.slice(1)}` : path }
  }
  const host = bracketed ?? plain
  return { host: host === '*' ? undefined : host, port: port === '*' ? 0 : Number(port), path: undefined }
}
