/**
 * Nodes, peers and streams that are broken on purpose, each in one way: a simulation that does not find them is worth nothing.
 *
 * A method of a class of the package is replaced for the time of a run.
 */
import { Contender } from '../../patterns/messaging/contender.js'
import { DeliverSession } from '../../patterns/messaging/deliver-session.js'
import { LinkChoice } from '../../patterns/messaging/link-choice.js'
import { LocalPeer } from '../../patterns/messaging/local-peer.js'
import { Mailbox } from '../../patterns/messaging/mailbox.js'
import { MeetSpeaker } from '../../patterns/messaging/meet-speaker.js'
import { NameTable } from '../../patterns/messaging/name-table.js'
import type { PeerRef } from '../../patterns/messaging/peer-claim.js'
import { Presence } from '../../patterns/messaging/presence.js'
import type { ReceivedFrom } from '../../patterns/messaging/received-from.js'
import { RemoteLinks } from '../../patterns/messaging/remote-links.js'
import { Roster } from '../../patterns/messaging/roster.js'
import type { MessageBatch } from '../../patterns/messaging/wire.js'
import { crc32 } from '../../src/checksum/index.js'
import type { Extras } from '../../src/reliable-send/index.js'
import { SendOutbox } from '../../src/reliable-send/index.js'
import { all, replace } from './broken-machines.js'
import type { BrokenPart } from './queue-broken-engines.js'

type AnyOutbox = SendOutbox<unknown, unknown, Extras>

/** Calls back with what a receiver remembers of the sender, for each batch that a stream brings. */
function atEachBatch(look: (received: ReceivedFrom, batch: MessageBatch, take: () => void) => void): () => void {
  const receivedBy = new WeakMap<DeliverSession, ReceivedFrom>()
  let last: ReceivedFrom | undefined
  return all(
    replace(LocalPeer.prototype, 'receivedFrom', (receivedFrom) => {
      return function (this: LocalPeer, ref: PeerRef) {
        last = receivedFrom.call(this, ref)
        return last
      }
    }),
    replace(DeliverSession.prototype, 'receive', (receive) => {
      return function (this: DeliverSession, request, opened) {
        const received = receivedBy.get(this)
        const take = () => receive.call(this, request, opened)
        if (request.batch && received !== undefined) look(received, request.batch, take)
        else take()
        if (request.open && last !== undefined) receivedBy.set(this, last)
      }
    }),
  )
}

/** Lets a sender swap the first two batches of each stream but the first. */
function swapBatches(): () => void {
  const swapped = new WeakMap<AnyOutbox, ReturnType<AnyOutbox['take']> | 'next'>()
  return all(
    replace(SendOutbox.prototype, 'down', (down) => {
      return function (this: AnyOutbox) {
        swapped.set(this, 'next')
        down.call(this)
      }
    }),
    replace(SendOutbox.prototype, 'take', (take) => {
      return function (this: AnyOutbox) {
        const held = swapped.get(this)
        if (held === undefined) return take.call(this)
        swapped.delete(this)
        if (held !== 'next') return held
        const [first, second] = [take.call(this), take.call(this)]
        if (first !== undefined && second !== undefined) swapped.set(this, first)
        return second ?? first
      }
    }),
  )
}

/** All that is broken. */
export const brokenMessaging: readonly BrokenPart[] = [
  {
    name: 'shows that a peer has left ahead of its last message',
    from: 700,
    breakIt: () => replace(Mailbox.prototype, 'holds', () => () => false),
  },
  {
    name: 'takes what waited for room behind the report that its sender has left',
    from: 1500,
    breakIt: () => replace(Roster.prototype, 'isPresent', () => () => true),
  },
  {
    name: 'never shows that a peer has left whose messages wait',
    from: 900,
    breakIt: () => replace(Presence.prototype, 'handedOut', () => () => {}),
  },
  {
    name: 'lets two peers hold one name, since the first one keeps it',
    breakIt: () => replace(Contender.prototype, 'displaces', () => () => false),
  },
  {
    name: 'lets chance choose the winner, another one in each process',
    breakIt() {
      const rankOf = ({ ref, node }: Contender) => {
        const bytes = Buffer.from(ref.incarnation + (node?.id ?? ''))
        return crc32(bytes, 0, bytes.length)
      }
      return replace(Contender.prototype, 'displaces', () => {
        return function (this: Contender, holder) {
          return rankOf(this) > rankOf(holder)
        }
      })
    },
  },
  {
    name: 'does not report that a peer has left',
    breakIt: () => replace(MeetSpeaker.prototype, 'withdraw', () => () => {}),
  },
  {
    name: 'keeps both of two links',
    breakIt: () => replace(LinkChoice.prototype, 'leftOut', () => () => new Set<string>()),
  },
  {
    name: 'takes again what it has taken, when a confirmation is lost',
    breakIt: () =>
      atEachBatch((received, { sequence }, take) => {
        received.expected = Math.min(received.expected, sequence)
        take()
      }),
  },
  {
    name: 'loses the order across a reconnection, and takes what comes in any order',
    breakIt() {
      const holes = new WeakMap<ReceivedFrom, { readonly from: number; readonly to: number }>()
      const takeAny = atEachBatch((received, { sequence, lengths }, take) => {
        const { expected } = received
        const hole = holes.get(received)
        if (sequence > expected) {
          holes.set(received, { from: expected, to: sequence })
          received.expected = sequence
          take()
        } else if (hole?.from === sequence && hole.to === sequence + lengths.length) {
          received.expected = sequence
          take()
          received.expected = expected
        } else take()
      })
      return all(takeAny, swapBatches())
    },
  },
  {
    name: 'confirms messages that its mailbox never had',
    breakIt: () =>
      replace(Mailbox.prototype, 'offer', (offer) => {
        return function (this: Mailbox, messages, from) {
          if (messages.sequence % 5 !== 4) return offer.call(this, messages, from)
          return { taken: messages.lengths.length - from, refusal: undefined }
        }
      }),
  },
  {
    name: 'lets a name go to another key',
    breakIt: () => replace(NameTable.prototype, 'allows', () => () => true),
  },
  {
    name: 'takes messages with any number',
    breakIt: () =>
      atEachBatch((received, { sequence }, take) => {
        received.expected = sequence
        take()
      }),
  },
  {
    name: 'forgets the keys of others',
    breakIt: () =>
      replace(RemoteLinks.prototype, 'met', (met) => {
        return function (this: RemoteLinks, link, id) {
          return met.call(this, link, id, undefined)
        }
      }),
  },
]
