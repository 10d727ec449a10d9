/** What nodes with peers and clients of a directory say, as it comes off a stream: read by the codecs of the services, and taken by their sessions. */
import { AttendSession } from '../../../patterns/directory/attend-session.js'
import { Registry } from '../../../patterns/directory/registry.js'
import { type AttendRequest, DirectoryService } from '../../../patterns/directory/wire.js'
import { Callers } from '../../../patterns/messaging/callers.js'
import { DeliverSession } from '../../../patterns/messaging/deliver-session.js'
import { Mailbox } from '../../../patterns/messaging/mailbox.js'
import { MeetSession } from '../../../patterns/messaging/meet-session.js'
import { ReceivedFromPeers } from '../../../patterns/messaging/received-from.js'
import { SchemaTexts } from '../../../patterns/messaging/schema-texts.js'
import { type DeliverRequest, type MeetRequest, MessagingService } from '../../../patterns/messaging/wire.js'
import { type Codec, codecOf, decodeFailure } from '../../../src/avro/codec.js'
import { Malformed } from '../../../src/avro/read-primitives.js'
import { serviceOf } from '../../../src/avro/service-codec.js'
import { RivuletError } from '../../../src/errors/index.js'
import { Report } from '../../messaging/peers.js'
import { incarnation, RosterLab } from '../../messaging/roster-lab.js'
import type { Random } from '../../simulation/random.js'
import { VirtualClock } from '../../support/virtual-clock.js'
import { mutate } from '../mutate.js'
import { outcomeOf, type Target, taken } from '../target.js'

/** What takes requests, and what valid ones look like. */
interface Talk<Request> {
  receive(request: Request): void
  /** Makes its time pass. */
  pass(): void
}

/** Makes a target of the requests of a method. */
function requestsOf<Request>(
  service: Parameters<typeof serviceOf>[0],
  method: string,
  valid: readonly Request[],
  begin: (random: Random) => Talk<Request>,
): Target {
  const codec = serviceOf(service).methods.get(method)?.request as unknown as Codec<unknown, unknown>
  const bodies = valid.map((request) => {
    const room = Buffer.alloc(4096)
    const view = new DataView(room.buffer, room.byteOffset, room.length)
    return Buffer.from(room.subarray(0, codec.write(request, room, view, 0, room.length)))
  })
  const read = (body: Buffer): Request => {
    const cursor = { position: 0 }
    try {
      const view = new DataView(body.buffer, body.byteOffset, body.length)
      const value = codec.read(body, view, cursor, body.length)
      if (cursor.position !== body.length) throw new Malformed('there is more than the value')
      return value as Request
    } catch (cause) {
      throw decodeFailure(cause, 'a request')
    }
  }
  return {
    codes: [
      ...['RIVULET_DECODE_FAILED', 'RIVULET_INVALID_REQUEST', 'RIVULET_PROTOCOL_VIOLATION', 'RIVULET_UNAVAILABLE'],
      ...['RIVULET_MESSAGE_TOO_LARGE', 'RIVULET_PEER_GONE', 'RIVULET_NAME_TAKEN', 'RIVULET_OVERLOADED'],
    ],
    share: 50_000,
    begin: (random) => {
      let talk = begin(random)
      return () => {
        const original = random.pick(bodies)
        const body = random.chance(0.7) ? mutate(random, original, bodies) : original
        const outcome = outcomeOf(() => talk.receive(read(body)))
        if (random.chance(0.02)) talk.pass()
        // a stream ends with its first error
        if ((outcome !== taken && outcome !== 'RIVULET_DECODE_FAILED') || random.chance(0.01)) talk = begin(random)
        return outcome
      }
    },
  }
}

const entry = (name: string, number: number) => ({
  name,
  incarnation: incarnation(number),
  epoch: 1,
  takeover: false,
  answers: [{ ask: 'price', number: 3 }],
})

const meets: readonly MeetRequest[] = [
  {
    hello: { node: incarnation(99), endpoints: ['tcp://127.0.0.1:7'] },
    joined: [entry('a', 1)],
    left: [],
    complete: false,
  },
  { hello: null, joined: [entry('b', 2), entry('a', 3)], left: [incarnation(1)], complete: true },
  { hello: null, joined: [], left: [incarnation(2), incarnation(1)], complete: false },
]

/** What another node says of its peers. */
export const meet: Target = requestsOf(MessagingService, 'meet', meets, () => {
  const lab = new RosterLab()
  lab.roster.start()
  lab.roster.addLocal({ name: 'a', incarnation: incarnation(7), epoch: 0, takeover: false, answers: new Map() })
  lab.roster.began('s', undefined)
  const session = new MeetSession({
    roster: lab.roster,
    session: 's',
    identity: undefined,
    callers: new Callers(),
    begins: () => {},
    met: () => {},
    completed: () => {},
    answer: () => {},
    ended: () => {},
  })
  return {
    receive(request) {
      session.receive(request)
      lab.lines()
      lab.reported.length = 0
    },
    pass: () => lab.clock.advance(1000),
  }
})

const report = codecOf(Report) as unknown as Codec<unknown, unknown>
const batch = (number: number, sequence: number, schema: string | null) => ({
  number,
  sequence,
  schemaId: report.schemaId,
  schema,
  lengths: [1, 1, 2],
  bodies: Buffer.from([2, 4, 200, 1]),
})
const from = { name: 'sender', incarnation: incarnation(1), epoch: 1 }
const to = { name: 'receiver', incarnation: incarnation(2) }
const delivers: readonly DeliverRequest[] = [
  { open: { attempt: 1, from, to }, batch: null },
  { open: { attempt: 2, from, to }, batch: batch(1, 1, report.text) },
  { open: null, batch: batch(1, 1, report.text) },
  { open: null, batch: batch(2, 4, null) },
  { open: null, batch: batch(3, 7, '"int"') },
]

/** What one peer sends to another. */
export const deliver: Target = requestsOf(MessagingService, 'deliver', delivers, (random) => {
  const bounds = { mailboxMessages: 4, mailboxBytes: 100, unclaimedMessages: 2, unclaimedBytes: 100 }
  const ports = { name: () => 'receiver', report: () => {}, wallNow: () => 0, handedOut: () => {} }
  const mailbox = new Mailbox({ ...bounds, mailboxOverflow: random.pick(['block', 'error']) }, ports)
  if (random.chance(0.8)) mailbox.laneOf(Report).messages.subscribe()
  const received = new ReceivedFromPeers(() => true)
  const peer = { name: from.name, incarnation: from.incarnation, identity: undefined }
  const receiver = { mailbox, maxMessageBytes: 100, receivedFrom: () => received.of(peer) }
  const session = new DeliverSession({
    schemas: new SchemaTexts(),
    source: 's',
    admit(open) {
      if (open.from.incarnation !== from.incarnation)
        throw new RivuletError('RIVULET_UNAVAILABLE', 'the sender is not present')
      if (open.to.incarnation !== to.incarnation) throw new RivuletError('RIVULET_PEER_GONE', 'the receiver has left')
      return { from: peer, to: receiver, isCurrent: () => true }
    },
    stream: { answer: () => {}, room: () => {}, superseded: () => {} },
  })
  return {
    // what is parked is taken no further until there is room
    receive: (request) => (session.isBusy() ? undefined : session.receive(request, () => {})),
    pass: () => {},
  }
})

const announced = (instance: string, name: string) => ({
  instance,
  revision: 2,
  role: 'SERVICE' as const,
  name,
  epoch: 0,
  places: [{ address: 'tcp://127.0.0.1:7', serverKeys: [] }],
  metadata: { zone: 'one' },
})
const view = { role: 'SERVICE', name: 'jobs' } as const
const attends: readonly AttendRequest[] = [
  {
    open: { client: 'c' },
    announced: [announced('a', 'jobs')],
    withdrawn: [],
    complete: 1,
    watched: [view],
    unwatched: [],
  },
  {
    open: null,
    announced: [announced('a', 'jobs'), announced('b', 'other')],
    withdrawn: [{ instance: 'a', revision: 3 }],
    complete: null,
    watched: [],
    unwatched: [view],
  },
  {
    open: null,
    announced: [],
    withdrawn: [],
    complete: null,
    watched: [view, { role: 'PEER', name: '' }],
    unwatched: [],
  },
]

/** What a client says to a host of a directory. */
export const attend: Target = requestsOf(DirectoryService, 'attend', attends, () => {
  const clock = new VirtualClock()
  const limits = { maxAnnouncements: 100, maxClientAnnouncements: 10 }
  const registry = new Registry({ leaseMs: 5000, graceMs: 1000, ...limits }, clock)
  const host = { id: 'h', clock, registry, watches: { count: 0, most: 10 }, refused: () => {} }
  const ports = { answer: () => {}, room: () => {}, unread: () => 0, withdraw: () => [], superseded: () => {} }
  const session = new AttendSession(host, ports, { key: '', mayAnnounce: () => true })
  return { receive: (request) => session.receive(request), pass: () => clock.advance(1000) }
})
