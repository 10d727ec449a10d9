/** The promise of failover, as a step of the model of an RPC client: over tcp, where a link can be cut. */
import { turn } from '../support/events.js'
import { stepsOf } from './model.js'
import { call, type World } from './rpc-world.js'

/** Less than the time after which the session of a lost link ends, in milliseconds. */
const sessionMs = 12_000

const step = stepsOf<World>()

/** Idempotent calls of a link that is cut, and does not come back, soon go to another server. */
export const isolateStep = step(
  'isolate',
  1,
  () => undefined,
  async (world) => {
    const { lab, setup, servers, clients, made } = world
    const [first] = servers
    const [client] = clients
    const { failoverMs = 1000, retentionMs, timeoutMs, outboxBytes } = setup.client
    const isPlain = failoverMs <= 1000 && (retentionMs ?? timeoutMs ?? outboxBytes) === undefined
    const isWhole = servers.length === 2 && servers.every(({ server }) => server.status === 'open')
    if (setup.follows || lab.transport !== 'tcp' || !first || client?.status !== 'open' || !isPlain || !isWhole) return
    await lab.until(() => client.connected === world.ways.length, 'the links of a client')
    const from = made.length
    const peek = { client: 0, does: 'later', count: 0, requests: 'none', timeout: 0, cancel: '', bytes: 0 } as const
    for (let calls = 0; calls < 6; calls++) call(world, { ...peek, method: 'peek' })
    await turn()
    const cutAt = lab.clock.now()
    lab.isolate(first.way)
    await lab.until(() => made.slice(from).every(({ outcome }) => outcome.settled), 'calls that go to another server')
    const tookMs = lab.clock.now() - cutAt
    lab.expect(tookMs < sessionMs, `idempotent calls took ${tookMs} ms to go to another server`)
    for (const { outcome } of made.slice(from)) lab.expect(!outcome.error, () => `peek: ${outcome.error?.message}`)
    lab.rejoin()
  },
)
