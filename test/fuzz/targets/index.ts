/** Everything that is fuzzed, by name. */
import type { Target } from '../target.js'
import { calls } from './calls.js'
import { dataFrames } from './data-frame.js'
import { datagrams } from './datagrams.js'
import { linkFrames } from './link-frame.js'
import { attend, deliver, meet } from './peers.js'
import { handshake, topics } from './records.js'
import { protocolTexts, schemaTexts, values } from './schemas.js'
import { sessions } from './session.js'
import { typedStreams } from './typed-stream.js'
import { zap } from './zap.js'

/** The targets. */
export const targets: Readonly<Record<string, Target>> = {
  'data-frames': dataFrames,
  datagrams,
  topics,
  handshake,
  'link-frames': linkFrames,
  sessions,
  calls,
  'typed-streams': typedStreams,
  meet,
  deliver,
  attend,
  zap,
  'schema-texts': schemaTexts,
  'protocol-texts': protocolTexts,
  values,
}
