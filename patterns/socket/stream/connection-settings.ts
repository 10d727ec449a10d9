/** What a connection is made with, by a listener or a client. */
import type { ResourceMaker, ResourceSettings } from '../../../src/resource/index.js'
import type { OverflowPolicy } from '../../../src/stream/index.js'
import type { ConnectionTimeLimits } from './connection-times.js'
import type { Framing } from './framing.js'
import type { HeldBytes } from './held-bytes.js'

/** What a connection is made with. */
export interface ConnectionSettings<In, Out>
  extends ConnectionTimeLimits,
    Pick<ResourceSettings, 'runtime' | 'signal'> {
  readonly framing: Framing<In, Out>
  readonly overflow: OverflowPolicy
  readonly outboxBytes: number
  readonly keepAliveMs: number
  readonly side: 'bind' | 'connect'
  /** What it may hold together with others; none for a client. */
  readonly held?: HeldBytes | undefined
  /** The listener that has accepted it. */
  readonly maker?: ResourceMaker | undefined
}
