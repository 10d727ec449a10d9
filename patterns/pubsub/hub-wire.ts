/**
 * What hubs add to requests and answers of topics: the extensions `hub` and `hubs`.
 *
 * `docs/protocol/topic-hub.avsc` and `hub-path.avsc` are the same schemas.
 */
import { array, defineSchema, enumeration, fixed, type Infer, record } from '../../src/avro/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { frameKind, protocolRecord, TopicAnswer, type TopicRequest, writeRecordFrame } from '../../src/wire/index.js'
import type { AnswerKind } from './readiness.js'

/** The key of the extension of a `TopicAnswer` that a hub has sent. */
export const hubExtension = 'hub'

/** The key of the extension of a `TopicRequest` that has passed hubs. */
export const hubsExtension = 'hubs'

/**
 * The value of the extension `hub`: the role of the source of an answer.
 *
 * `publisher`: its source is a publisher that serves the subscriptions through the hub. `kept`: its source is a publisher that
 * is not there, whose messages the hub keeps. `ready`: its source is the hub, and all publishers above the hub serve them. `left`:
 * its source is a publisher that does not answer the hub any more; nobody has asked for this answer.
 */
export const TopicHub = defineSchema(
  protocolRecord('TopicHub', { role: enumeration('HubRole', ['publisher', 'kept', 'ready', 'left']) }),
)

/** The value of the extension `hub`, read. */
export type TopicHub = Infer<typeof TopicHub>

/**
 * The value of the extension `hubs`: through which hubs a request has come, from the first on.
 *
 * `link` is the number of the socket by which a hub has sent it on: 0 for the one that it has bound.
 */
export const HubPath = defineSchema(
  protocolRecord('HubPath', { hubs: array(record('HubStep', { hub: fixed('HubId', 8), link: 'int' })) }),
)

/** One hub that a request has passed. */
export type HubStep = Infer<typeof HubPath>['hubs'][number]

/** Hubs that a request passes; it goes no further then. */
export const maxHubSteps = 32

/**
 * The role of the source of an answer.
 *
 * @throws RIVULET_BAD_FRAME
 */
export function answerKind({ extensions }: TopicAnswer): AnswerKind {
  const value = extensions[hubExtension]
  if (value === undefined) return 'publisher'
  const { role } = decoded('an answer', () => TopicHub.decode(value))
  return role === 'publisher' ? 'behind' : role
}

/** What a hub answers. */
export interface HubAnswer {
  readonly inbox: Buffer
  readonly nonce: Buffer
  /** 16 hexadecimal digits; `undefined` for the hub itself. */
  readonly source: string | undefined
  readonly position: number
  readonly role: TopicHub['role']
  /** Where those above serve the history of the source, if that was said. */
  readonly links?: Buffer | undefined
}

/** Writes an answer of a hub; `extensions` name the links to history. */
export function writeHubAnswer(
  hub: Buffer,
  { inbox, nonce, source, position, role }: HubAnswer,
  time: Date,
  extensions: Readonly<Record<string, Buffer>> | undefined,
): Buffer {
  const answer = {
    nonce,
    source: source === undefined ? hub : Buffer.from(source, 'hex'),
    position,
    time,
    extensions: { [hubExtension]: TopicHub.encode({ role }), ...extensions },
  }
  return writeRecordFrame(TopicAnswer, answer, frameKind.answer, inbox)
}

/**
 * The hubs that a request has passed; none if it is of a subscriber.
 *
 * @throws RIVULET_BAD_FRAME
 */
export function pathOf({ extensions }: TopicRequest): readonly HubStep[] {
  const value = extensions[hubsExtension]
  return value === undefined ? [] : decoded('a request', () => HubPath.decode(value)).hubs
}

function decoded<Value>(of: string, decode: () => Value): Value {
  try {
    return decode()
  } catch (cause) {
    throw new RivuletError('RIVULET_BAD_FRAME', `the extension of hubs in ${of} cannot be read`, { cause })
  }
}
