/** Connections that are opened, used and closed, one wave after the other, in each way in which a connection can end. */
import { readdirSync } from 'node:fs'
import {
  connectStream,
  createStreamListener,
  lines,
  type StreamConnection,
  type StreamListener,
} from '../../patterns/socket/index.js'
import type { Runtime } from '../../src/index.js'
import { Authority } from '../support/certificates.js'
import { first, until } from '../support/events.js'

/** What connections go over. */
export const streamKinds = ['tcp', 'ipc', 'tls'] as const

/** One of them. */
export type StreamKind = (typeof streamKinds)[number]

/** Connections at the same time. */
const atOnce = 20

const framing = lines()

/** Descriptors of this process; the one that reads the folder is counted each time. */
export function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/** Opens and closes so many connections; resolves when both sides have forgotten all of them. */
export async function openAndClose(runtime: Runtime, kind: StreamKind, count: number): Promise<StreamListener<string>> {
  const authority = new Authority()
  const { ca } = authority
  const tls = kind === 'tls' ? { ...authority.issue({ names: ['IP:127.0.0.1'] }), ca, requestCert: true } : undefined
  const bind = kind === 'ipc' ? 'ipc://*' : 'tcp://127.0.0.1:*'
  const listener = await createStreamListener({ framing, bind, runtime, ...(tls && { tls }) })
  listener.errors.subscribe() // those that are reset
  listener.connections.subscribe((connection) => connection.messages.subscribe(connection))
  const client = tls && { tls: { ...authority.issue({ name: 'alice' }), ca } }
  for (let made = 0; made < count; made += atOnce) {
    const wave = Array.from({ length: Math.min(atOnce, count - made) }, async (_, at) => {
      const connection = await connectStream({ framing, connect: listener.endpoint, runtime, ...client })
      connection.errors.subscribe()
      await use(connection, made + at)
    })
    await Promise.all(wave)
  }
  await until(() => listener.stats().open === 0)
  return listener
}

async function use(connection: StreamConnection<string>, number: number): Promise<void> {
  if (number % 2 === 0) {
    const echo = first(connection.messages)
    connection.next(`line ${number}`)
    await echo
  }
  const ways = [
    () => connection.complete(),
    () => connection.error(new Error('a reset')),
    () => connection.close(),
    () => connection.close({ drain: false }),
  ]
  const messages = connection.messages.subscribe()
  await ways[number % ways.length]?.()
  await connection.whenClosed
  messages.unsubscribe()
}
