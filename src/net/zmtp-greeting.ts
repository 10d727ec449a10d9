/**
 * Asks who answers at an endpoint: the security mechanism in the greeting of a ZMTP 3 peer (ZMTP 3.1 §Greeting).
 *
 * libzmq does not say why a peer ended a handshake without a word. This opens a connection of its own, reads the greeting
 * and leaves. So a server with another key is distinguished from one that has gone, and from one without security.
 */
import { connect } from 'node:net'

const signatureBytes = 10
const mechanismFrom = 12
const mechanismTo = 32

/** The signature and the major version: then a peer sends the rest of its greeting. The rest of this one never comes. */
const opening = Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3])

/** How long a peer may take, in milliseconds. */
const patienceMs = 500

/** The mechanism that a greeting names: `NULL`, `CURVE`; `undefined` if it is none of ZMTP 3. */
export function mechanismOf(greeting: Buffer): string | undefined {
  if (greeting.length < mechanismTo || greeting[0] !== 0xff || greeting[signatureBytes - 1] !== 0x7f) return undefined
  if ((greeting[signatureBytes] ?? 0) < 3) return undefined
  const [name] = /^[A-Z0-9_+-]*/.exec(greeting.toString('latin1', mechanismFrom, mechanismTo)) ?? []
  return name === '' ? undefined : name
}

/**
 * Resolves to the mechanism of the peer at an endpoint; to `undefined` if none that speaks ZMTP 3 answers in time.
 *
 * @param address - `tcp://host:port` or `ipc://path`; with any other, it resolves to `undefined`.
 */
export function mechanismAt(address: string): Promise<string | undefined> {
  const [, host, port] = /^tcp:\/\/\[?([^\]]+?)\]?:(\d+)$/.exec(address) ?? []
  const [, path] = /^ipc:\/\/([^@].*)$/s.exec(address) ?? []
  if (host === undefined && path === undefined) return Promise.resolve(undefined)
  return new Promise((resolve) => {
    const socket = path === undefined ? connect(Number(port), host) : connect({ path })
    let received: Buffer = Buffer.alloc(0)
    socket.unref()
    socket.setTimeout(patienceMs, () => socket.destroy())
    socket.on('connect', () => socket.write(opening))
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes.subarray(0, mechanismTo)])
      if (received.length >= mechanismTo) socket.destroy()
    })
    socket.on('error', () => {}) // nobody is there: `close` follows
    socket.on('close', () => resolve(mechanismOf(received)))
  })
}
