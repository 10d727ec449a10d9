/** Attacks on listeners of byte streams: bytes that are no lines, no TLS and no schema, silence, floods, and very many connections. */
import { connect as connectTls } from 'node:tls'
import { selfSigned } from '../../support/certificates.js'
import { flood } from '../../support/floods.js'
import { Job } from '../../support/job.js'
import { rawConnection, whenClosed } from '../../support/raw-zmtp.js'
import { reset } from '../../support/reset.js'
import { dataFrame } from '../../support/stranger.js'
import { type Attack, type AttackContext, below, noise } from '../attack.js'
import { streamNames } from '../patterns.js'
import { each, open } from './connections.js'
import { cutOff } from './floods.js'

/** The beginning of a hello of TLS (RFC 8446 §4.1.2) with 508 bytes; what follows is invalid. */
const hello = Buffer.concat([Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]), Buffer.alloc(506, 0x5a)])

/** Opens a connection; a listener of anything but lines counts it as refused, since it never agrees. */
function openStream(context: AttackContext) {
  if (context.target.pattern !== 'lines') return open(context)
  context.did({ connections: 1 })
  return rawConnection(context.scope, context.target.endpoint).resume()
}

const invalidBytes: Attack = {
  name: 'stream-noise',
  patterns: streamNames,
  counted: [],
  run: (context) =>
    each(8 * context.scale, async (index) => {
      const socket = openStream(context)
      // some of them lines that are too long, or no text
      socket.end(index % 4 === 0 ? Buffer.alloc(200_000, 0x41) : noise(context.random, 1 + below(context.random, 5000)))
      await whenClosed(socket)
    }),
}

/** A part of a hello or of a line, and then silence, held until the victim ends it. */
const halfHandshakes: Attack = {
  name: 'stream-halves',
  patterns: streamNames,
  counted: [],
  async run(context) {
    const sockets = Array.from({ length: 60 * context.scale ** 2 }, (_, index) => {
      const socket = openStream(context)
      // 0 bytes of it, too
      socket.write(hello.subarray(0, below(context.random, hello.length)))
      if (index % 2 === 0) socket.write('')
      return socket
    })
    await Promise.all(sockets.map(whenClosed))
  },
}

/** A byte now and then: what is not complete in time is cut. */
const drippingBytes: Attack = {
  name: 'stream-drips',
  patterns: streamNames,
  counted: [],
  async run(context) {
    const sockets = Array.from({ length: 10 * context.scale }, () => openStream(context))
    let sent = 0
    const timer = setInterval(() => {
      const byte = hello.subarray(sent % hello.length, (sent % hello.length) + 1)
      sent += 1
      for (const socket of sockets) if (socket.writable) socket.write(byte)
    }, 50)
    await Promise.all(sockets.map(whenClosed))
    clearInterval(timer)
  },
}

/** Connections one after the other, closed at once: in order, by a reset, or behind some bytes; 10,240 at scale 4. */
const oneByOne: Attack = {
  name: 'streams-one-by-one',
  patterns: streamNames,
  counted: [],
  async run(context) {
    for (let made = 0; made < 160 * context.scale ** 3; made++) {
      const socket = openStream(context)
      await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
      if (made % 3 === 0) socket.end()
      else if (made % 3 === 1 && context.target.endpoint.startsWith('tcp:')) reset(socket)
      else socket.end('a line\n')
      await whenClosed(socket)
    }
  },
}

/** Peers that agree on TLS with certificates of their own, or with none. */
const unknownCertificates: Attack = {
  name: 'stream-certificates',
  patterns: ['tls'],
  counted: [],
  run: (context) =>
    each(10 * context.scale, async (index) => {
      const certificate = index % 3 === 0 ? {} : selfSigned({ name: 'honest' })
      const maxVersion = index % 2 === 0 ? 'TLSv1.2' : 'TLSv1.3'
      const socket = openStream(context)
      const secured = connectTls({ socket, rejectUnauthorized: false, maxVersion, ...certificate })
      context.scope.teardown(() => secured.destroy())
      secured.on('error', () => {}) // it is refused
      secured.resume()
      await new Promise((resolve) => secured.once('close', resolve))
    }),
}

/** Lines without end from a peer that reads none of those that come back, and a reset. */
const lineFlood: Attack = {
  name: 'stream-flood',
  patterns: ['lines'],
  counted: [],
  async run(context) {
    const { scope, target, scale, did } = context
    const lines = 5000
    const bytes = Buffer.from(`${'x'.repeat(100)}\n`.repeat(lines))
    const flooding = Array.from({ length: 4 }, async () => {
      const socket = rawConnection(scope, target.endpoint).pause()
      did({ connections: 1, messages: lines * (await flood(socket, bytes, scale)) })
      cutOff(socket, target.endpoint)
    })
    await Promise.all(flooding)
  },
}

/** The first frame of a typed stream, with a schema that nobody has announced before and that the victim can read. */
function newOpening({ random, target: { part } }: AttackContext, docBytes: number): Buffer {
  const doc = `${part} ${noise(random, 16).toString('hex')} ${'x'.repeat(docBytes)}`
  const frame = dataFrame({ kind: 'beacon', schema: JSON.stringify({ ...(Job.json as object), doc }) })
  const length = Buffer.alloc(4)
  length.writeUInt32BE(frame.length)
  return Buffer.concat([length, frame])
}

/** A new schema on each connection: more of them than the victim learns in the time. */
const newSchemas: Attack = {
  name: 'stream-schemas',
  patterns: ['typed'],
  counted: ['typed'],
  run: (context) =>
    each(100 * context.scale ** 2, async (index) => {
      const { scope, target, did } = context
      const socket = rawConnection(scope, target.endpoint)
      did({ connections: 1 })
      socket.write(newOpening(context, index % 4 === 0 ? 40_000 : 0))
      // an opening, or a refusal
      await new Promise((resolve) => socket.once('data', resolve).once('close', resolve))
      socket.end()
      await whenClosed(socket)
    }),
}

/** More connections than the victim may have descriptors, all held until it ends them. */
const heldDescriptors: Attack = {
  name: 'streams-held',
  patterns: streamNames,
  counted: [],
  descriptors: 256,
  async run({ scope, target, did, scale }) {
    const sockets = Array.from({ length: 300 * scale }, () => rawConnection(scope, target.endpoint).resume())
    did({ connections: sockets.length })
    await Promise.race(sockets.map(whenClosed))
  },
}

/** The attacks. */
export const streamAttacks: readonly Attack[] = [
  invalidBytes,
  halfHandshakes,
  drippingBytes,
  oneByOne,
  unknownCertificates,
  lineFlood,
  newSchemas,
  heldDescriptors,
]
