/**
 * How a host of a directory serves its clients: one stream for each link, and what its answers take.
 */
import type { CallerConnection, CallStream, ReadySource } from '../../src/call/index.js'
import { type ServingHost, serve } from '../../src/conversation/index.js'
import type { PeerInfo } from '../../src/session/index.js'
import { type Attendee, type AttendHost, AttendSession } from './attend-session.js'
import { type AttendAnswer, type AttendRequest, announcedBytes, refusals } from './wire.js'

/** What the streams of clients need of their host. */
export interface DirectoryServingHost extends ServingHost, AttendHost {
  /** The stream of each link. */
  readonly attending: Map<string, { supersede(): void }>
}

/** Serves a client. Another stream of the same link takes the place of the one before. */
export function serveAttendant(
  host: DirectoryServingHost,
  requests: CallStream<AttendRequest>,
  { id }: Pick<PeerInfo, 'id'>,
  attendee: Attendee,
  connection: CallerConnection | undefined,
): ReadySource<AttendAnswer> {
  const { attending } = host
  return serve<AttendRequest, AttendAnswer>(
    host,
    {
      hasLastWords: false,
      open(ports) {
        const session = new AttendSession(host, ports, attendee)
        const place = { supersede: () => ports.superseded() }
        attending.get(id)?.supersede()
        attending.set(id, place)
        return {
          isBusy: () => session.isBusy(),
          receive: (request) => session.receive(request),
          drained: () => session.drained(),
          grant: () => session.grant(),
          connection: (state) => session.connection(state),
          end() {
            session.end()
            if (attending.get(id) === place) attending.delete(id)
          },
        }
      },
      sizeOf: answerBytes,
      refusal: (error) => refusals.errorOf('attend', error),
    },
    requests,
    connection,
  )
}

function answerBytes({ confirmed = [], refused = [], changes = [] }: AttendAnswer): number {
  let bytes = 64 + 64 * confirmed.length
  for (const { message } of refused) bytes += 128 + message.length
  for (const { present = [], gone = [] } of changes) {
    bytes += 128 + 40 * gone.length
    for (const announced of present) bytes += announcedBytes(announced)
  }
  return bytes
}
