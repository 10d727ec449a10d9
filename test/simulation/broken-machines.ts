/**
 * Machines that are broken on purpose, each in one way: a simulation that does not find them is worth nothing.
 *
 * A method of a part is replaced for the time of a run, or frames are changed between machine and network.
 */
import { IncomingStreams } from '../../src/session/incoming-streams.js'
import { Acceptor } from '../../src/session/index.js'
import { OutgoingStreams } from '../../src/session/outgoing-streams.js'
import { RetainedFrames } from '../../src/session/retained-frames.js'
import { Sender } from '../../src/session/sender.js'
import { Session } from '../../src/session/session.js'
import { hasNoItems, LinkHeader, type LinkNumbers, readItems, readLinkNumbers } from '../../src/wire/index.js'
import { frameKind, sealFrame } from '../../src/wire/prelude.js'
import { kindOf } from './session-process.js'
import type { RunOptions } from './session-simulation.js'

/** A way to be broken. */
export interface BrokenMachine {
  readonly name: string
  /** Breaks all machines, and returns what mends them. */
  breakIt(): () => void
  readonly tamper?: RunOptions['tamper']
}

/** Replaces a method; returns what puts it back. */
export function replace<T extends object, K extends keyof T>(
  holder: T,
  name: K,
  make: (original: T[K]) => T[K],
): () => void {
  const descriptor = Object.getOwnPropertyDescriptor(holder, name) as PropertyDescriptor
  Object.defineProperty(holder, name, { ...descriptor, value: make(descriptor.value) })
  return () => Object.defineProperty(holder, name, descriptor)
}

/** Puts several back. */
export const all =
  (...mends: (() => void)[]) =>
  () => {
    for (const mend of mends) mend()
  }

/** Reads a link frame that is whole; `undefined` for any other. */
function headerOf(frame: Buffer): { header: LinkNumbers; itemsAt: number; isEmpty: boolean } | undefined {
  const cursor = { position: 0 }
  const header = { connection: 0, sequence: 0, acknowledged: 0, time: 0 }
  if (kindOf(frame) !== frameKind.link) return undefined
  try {
    readLinkNumbers(frame, cursor, header)
  } catch {
    return undefined
  }
  return { header, itemsAt: cursor.position, isEmpty: hasNoItems(frame, cursor) }
}

/** The same frame with other numbers. */
function restamped(frame: Buffer, change: Partial<LinkNumbers>): Buffer {
  const read = headerOf(frame)
  if (!read) return frame
  const head = LinkHeader.encode({ ...read.header, ...change, extensions: {} })
  const changed = Buffer.concat([Buffer.alloc(8), head, frame.subarray(read.itemsAt)])
  sealFrame(changed, frameKind.link, undefined)
  return changed
}

/** The number of the present connection of each session. */
const connections = new WeakMap<object, number>()
const noteConnections = () =>
  replace(
    Session.prototype,
    'attach',
    (attach) =>
      function (this: Session, connection, limits, received) {
        connections.set(this, connection)
        attach.call(this, connection, limits, received)
      },
  )

/** All broken machines. */
export const brokenMachines: readonly BrokenMachine[] = [
  {
    name: 'sends again what has arrived, and takes again what has come',
    breakIt() {
      let attaching = false
      return all(
        replace(
          Session.prototype,
          'attach',
          (attach) =>
            function (this: Session, ...args) {
              connections.set(this, args[0])
              attaching = true
              attach.apply(this, args)
            },
        ),
        replace(
          Sender.prototype,
          'acknowledge',
          (acknowledge) =>
            function (this: Sender, sequence) {
              if (!attaching) return acknowledge.call(this, sequence)
              attaching = false
              return false
            },
        ),
        replace(
          Session.prototype,
          'receive',
          (receive) =>
            function (this: Session, bytes) {
              const read = headerOf(bytes)
              const isOld = read && !read.isEmpty && read.header.sequence <= this.received
              if (!isOld || read.header.connection !== connections.get(this)) return receive.call(this, bytes)
              const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
              return !readItems(bytes, view, { position: read.itemsAt, left: 0 }, this.intake)
            },
        ),
      )
    },
  },
  {
    name: 'acknowledges what it has not received',
    breakIt: noteConnections,
    tamper(side, frame) {
      const partner = sentBy.get(side.key)?.[side.role === 'dialer' ? 'acceptor' : 'dialer'] ?? 0
      const read = headerOf(frame)
      if (!read) return undefined
      const sent = sentBy.get(side.key) ?? { dialer: 0, acceptor: 0 }
      sentBy.set(side.key, { ...sent, [side.role]: Math.max(sent[side.role], read.header.sequence) })
      return restamped(frame, { acknowledged: Math.max(partner, read.header.acknowledged) })
    },
  },
  {
    name: 'returns credit twice',
    breakIt: () =>
      replace(
        IncomingStreams.prototype,
        'consumed',
        (consumed) =>
          function (this: IncomingStreams, stream, bytes) {
            return 2 * consumed.call(this, stream, bytes)
          },
      ),
  },
  {
    name: 'does not insist that a hello comes first',
    breakIt() {
      const greeted = new WeakMap<Acceptor, Map<string, string>>()
      return all(
        noteConnections(),
        replace(
          Acceptor.prototype,
          'receive',
          (receive) =>
            function (this: Acceptor, peer, frame) {
              const [dialer = ''] = peer.split('#')
              const peers = greeted.get(this) ?? new Map<string, string>()
              greeted.set(this, peers)
              if (kindOf(frame) === frameKind.hello) peers.set(dialer, peer)
              // as if a connection had a session from its beginning
              return receive.call(this, kindOf(frame) === frameKind.link ? (peers.get(dialer) ?? peer) : peer, frame)
            },
        ),
        takeAnyConnection(),
      )
    },
  },
  {
    name: 'forgets a frame at a cut',
    breakIt: () =>
      replace(
        RetainedFrames.prototype,
        'forEach',
        (forEach) =>
          function (this: RetainedFrames, callback) {
            let first = true
            forEach.call(this, (items, sequence) => {
              if (!first) callback(items, sequence)
              first = false
            })
          },
      ),
  },
  {
    name: 'resumes as if all had been received',
    breakIt: () =>
      replace(
        Sender.prototype,
        'connect',
        (connect) =>
          function (this: Sender, limits) {
            this.acknowledge(this.lastSequence)
            connect.call(this, limits)
          },
      ),
  },
  {
    name: 'takes frames of old connections',
    breakIt: () => all(noteConnections(), takeAnyConnection()),
  },
  {
    name: 'mixes the fragments of streams',
    breakIt: () =>
      replace(
        IncomingStreams.prototype,
        'assemble',
        (assemble) =>
          function (this: IncomingStreams, _stream, ...rest) {
            return assemble.call(this, 1, ...rest)
          },
      ),
  },
  {
    name: 'drops what waits when the connection is lost',
    breakIt: () =>
      replace(
        Sender.prototype,
        'disconnect',
        (disconnect) =>
          function (this: Sender) {
            disconnect.call(this)
            this.clear()
          },
      ),
  },
  {
    name: 'never tells of room after a full outbox',
    breakIt: () =>
      replace(
        OutgoingStreams.prototype,
        'want',
        (want) =>
          function (this: OutgoingStreams, stream, refused) {
            if (refused === undefined) want.call(this, stream)
          },
      ),
  },
  {
    name: 'drops the rest of a frame when the connection is lost',
    breakIt: () =>
      replace(
        Session.prototype,
        'detach',
        (detach) =>
          function (this: Session, reason) {
            this.intake.clear()
            detach.call(this, reason)
          },
      ),
  },
  {
    name: 'gives up an item without telling',
    breakIt: () =>
      replace(
        OutgoingStreams.prototype,
        'forget',
        (forget) =>
          function (this: OutgoingStreams, stream) {
            forget.call(this, stream)
            return false
          },
      ),
  },
  {
    name: 'does not heed the window of the link',
    breakIt: () =>
      replace(
        Sender.prototype,
        'connect',
        (connect) =>
          function (this: Sender, limits) {
            connect.call(this, { ...limits, windowBytes: 2 ** 40 })
          },
      ),
  },
  {
    name: 'does not heed the credit of streams',
    breakIt: () =>
      replace(
        OutgoingStreams.prototype,
        'left',
        (left) =>
          function (this: OutgoingStreams, stream, _bytes, last) {
            left.call(this, stream, 0, last)
          },
      ),
  },
]

/** The last frames that were sent on each session. */
const sentBy = new Map<string, Record<'dialer' | 'acceptor', number>>()

function takeAnyConnection(): () => void {
  return replace(
    Session.prototype,
    'receive',
    (receive) =>
      function (this: Session, bytes) {
        return receive.call(this, restamped(bytes, { connection: connections.get(this) ?? 0 }))
      },
  )
}
