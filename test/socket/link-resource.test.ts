/** Resources with several sockets: one life, one view of their links, whatever becomes of each socket. */
import t from 'tap'
import { createPush } from '../../patterns/queue/index.js'
import type { CloseOptions } from '../../src/lifecycle/index.js'
import { resolveOptions } from '../../src/options/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import {
  DealerSocket,
  onlyPeer,
  type ResolvedSocketOptions,
  RouterSocket,
  type SocketOptions,
  SocketResource,
  socketRules,
} from '../../src/socket/index.js'
import { codesOf, first, linkState, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { RouterEnd } from './link-ends.js'

const maxFrameBytes = 1000

/** A router for all its `bind`, and a dealer for each `connect`. */
class Party extends SocketResource<undefined> {
  protected readonly isSender = true
  readonly dealers: DealerSocket[] = []
  readonly events: string[] = []
  finished = 0
  left: number | undefined
  readonly #endpoints: ResolvedSocketOptions

  static open(options: SocketOptions): Promise<Party> {
    return new Party(resolveOptions('createParty', options, socketRules)).open()
  }

  constructor(options: ResolvedSocketOptions) {
    super('createParty', options, 'any')
    this.#endpoints = options
  }

  protected async openTransport(): Promise<void> {
    const { bind } = this.#endpoints
    const handler = { onFrame: () => {}, onBad: () => {}, onGone: () => void this.events.push('gone'), onUp: () => {} }
    const config = { ...this.sockets.environment, maxFrameBytes }
    const router = bind.length > 0 ? await this.sockets.own(RouterSocket.open({ ...config, bind }, handler)) : undefined
    for (const endpoint of this.sockets.connect) {
      const dealer: DealerSocket = await this.sockets.own(
        DealerSocket.open(
          { ...config, connect: endpoint },
          { ...handler, onUp: () => dealer.send(onlyPeer, Buffer.from('hello')) },
        ),
      )
      this.dealers.push(dealer)
    }
    router?.start()
    for (const dealer of this.dealers) dealer.start()
  }

  protected async finish(): Promise<number> {
    this.finished += 1
    return 3
  }

  protected override released(left: number): void {
    this.left = left
  }

  stats(): undefined {}
}

eachTransport(t, 'a dealer for each endpoint, and one view of their links', async (t, { runtime, bind }) => {
  const one = await RouterEnd.open(t, runtime, bind)
  const other = await RouterEnd.open(t, runtime, 'tcp://127.0.0.1:*')
  // the same port under two names of this machine could not be told apart by the events of one socket
  const named = other.endpoint.replace('127.0.0.1', 'localhost')
  const connect = [one.endpoint, other.endpoint, named]
  const party = await Party.open({ connect, runtime })
  const changes: string[] = []
  party.links.subscribe({
    next: ({ state, endpoint, connected }) => changes.push(`${state} ${connect.indexOf(endpoint)} ${connected}`),
    complete: () => changes.push('complete'),
  })
  await first(party.links, ({ connected }) => connected === 3)
  t.equal(party.connected, 3)
  t.strictSame([party.endpoint, party.endpoints.length], ['', 0])
  await until(() => one.frames === 1 && other.frames === 2)
  const lost = linkState(party, 'disconnected')
  one.socket.close(0)
  await lost
  t.equal(party.connected, 2)
  const { undelivered } = await party.close()
  await until(() => other.gone.length === 2)
  t.strictSame([undelivered, party.finished, party.left, party.connected], [3, 1, 0, 0])
  const steps = changes.filter((change) => !change.startsWith('retrying'))
  t.strictSame(
    steps
      .slice(0, 3)
      .map((change) => change.split(' ')[1])
      .sort(),
    ['0', '1', '2'],
    'each under the name that it was given',
  )
  t.strictSame(steps.slice(3), ['disconnected 0 2', 'disconnected 1 1', 'disconnected 2 0', 'complete'])
  t.strictSame(party.events, ['gone'], 'what its own close does is not told')
})

eachTransport(t, 'a router with several endpoints', async (t, { runtime, bind }) => {
  const party = await Party.open({ bind: [bind, 'tcp://127.0.0.1:*'], runtime })
  t.equal(party.endpoints.length, 2)
  const client = await Party.open({ connect: party.endpoints, runtime })
  await Promise.all([party, client].map((one) => first(one.links, ({ connected }) => connected === 2)))
  await client.close()
  await until(() => party.events.length === 2 && party.connected === 0)
  await party.close()
  const again = await Party.open({ bind: party.endpoints, runtime })
  t.strictSame(again.endpoints, party.endpoints, 'the endpoints are free again')
})

t.test('all sockets are closed if one cannot be opened', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const router = await RouterEnd.open(t, runtime, bind)
  const connect = [router.endpoint, 'tcp://nonsense']
  await t.rejects(Party.open({ connect, runtime }), { code: 'RIVULET_INVALID_ENDPOINT' })
  await t.rejects(Party.open({ bind: 'tcp://0.0.0.0:*', runtime }), { code: 'RIVULET_INSECURE_BIND' })
  await t.rejects(Party.open({ bind: ['inproc://free', router.endpoint], runtime }), { code: 'RIVULET_BIND_FAILED' })
  await Party.open({ bind: 'inproc://free', runtime })
  t.equal(runtime.size, 1)
  await until(() => router.links.connected === 0)
  t.equal(router.socket.peers, 0)
})

t.test('a resource whose sockets are not all open is not asked to finish', async (t) => {
  const party = new Party(resolveOptions('createParty', { connect: 'inproc://nobody' }, socketRules))
  const options: CloseOptions = { drain: false }
  t.strictSame(await party.close(options), { undelivered: 0 })
  t.equal(party.finished, 0)
  t.equal(party.status, 'closed')
})

t.test('a runtime that closes while a resource opens', async (t) => {
  const runtime = createRuntime()
  const opening = Party.open({ connect: ['tcp://127.0.0.1:9', 'tcp://127.0.0.1:10'], runtime })
  const closing = runtime.close()
  await t.rejects(opening, { code: 'RIVULET_CLOSED' })
  await closing
  t.equal(runtime.size, 0)
})

t.test('refused connections are errors of the resource', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const party = await Party.open({ bind, runtime })
  const codes = codesOf(party)
  const push = await createPush({ schema: Job, connect: party.endpoint, runtime })
  push.errors.subscribe()
  await until(() => codes.length > 0)
  t.equal(codes[0], 'RIVULET_HANDSHAKE_FAILED')
  t.equal(party.connected, 0)
})
