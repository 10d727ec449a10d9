/** Links told from the monitor's events: the sequences that libzmq 4.3.5 sends, as they were measured. */
import t from 'tap'
import { defaults } from '../../src/options/index.js'
import { Links } from '../../src/resource/index.js'
import { addEndpoint, findEndpoint } from '../../src/socket/endpoint-links.js'
import { VirtualClock } from '../support/virtual-clock.js'

const { handshakeMs } = defaults
const bound = 'tcp://127.0.0.1:5000'

/** Links of one endpoint with what they told. */
function watch(endpoint = bound, side: 'bind' | 'connect' = 'bind') {
  const refusals: string[] = []
  const clock = new VirtualClock()
  const links = new Links({ resource: () => 'test', clock, onRefused: ({ message }) => refusals.push(message) })
  const one = addEndpoint(links, clock, endpoint, side)
  const told: string[] = []
  links.changes.subscribe(({ state, connected }) => told.push(`${state} ${connected}`))
  const play = (...types: string[]) => {
    for (const type of types) {
      one.event(type, type.includes('error') ? new Error(`because of ${type}`) : undefined)
    }
  }
  return { links, one, told, refusals, play, clock }
}

t.test('a good peer', async (t) => {
  const { links, told, refusals, play } = watch()
  play('accept', 'handshake')
  t.equal(links.connected, 1)
  play('disconnect')
  t.equal(links.connected, 0)
  t.strictSame(told, ['connected 1', 'disconnected 0'])
  t.strictSame(refusals, [])
})

t.test('a connection that closes at once, as of a port scan or a peer of a kind that does not fit', async (t) => {
  const { links, told, refusals, play } = watch()
  play('accept', 'disconnect')
  t.strictSame(told, ['refused 0'])
  t.strictSame(refusals, [`a connection on ${bound} was refused: the peer is no ZeroMQ socket of a matching kind`])
  t.equal(links.connected, 0)
})

t.test('a connection whose handshake fails, for each reason', async (t) => {
  for (const type of ['handshake:error:protocol', 'handshake:error:other', 'handshake:error:auth']) {
    const { links, told, play } = watch()
    const causes: unknown[] = []
    links.changes.subscribe(({ cause }) => causes.push(cause?.message))
    play('accept', type, 'disconnect')
    t.strictSame(told, ['refused 0'], 'it is told once, not once more by its disconnect')
    t.match(causes[0], `because of ${type}`)
    t.equal(links.connected, 0)
  }
})

t.test('a peer that leaves in the middle of the handshake', async (t) => {
  for (const code of ['EPIPE', 'ECONNRESET', 'ECONNABORTED', 'EOF']) {
    const { links, one, refusals } = watch()
    one.event('accept')
    one.event('handshake:error:other', Object.assign(new Error('Broken pipe'), { code }))
    one.event('disconnect')
    t.strictSame(refusals, [`a connection on ${bound} was refused: the peer ended it in the middle of the handshake`])
    t.equal(links.refused, 1)
  }
})

t.test('a stranger beside a good peer takes nothing from it', async (t) => {
  for (const failure of [['disconnect'], ['handshake:error:other', 'disconnect']]) {
    const { links, told, play, clock } = watch()
    play('accept', 'handshake', 'accept', ...failure)
    t.equal(links.connected, 1)
    clock.advance(handshakeMs)
    play('disconnect')
    t.strictSame(told, ['connected 1', 'refused 1', 'disconnected 0'])
  }
})

t.test('several strangers at once, whose ends come in any order', async (t) => {
  const { links, play } = watch()
  play('accept', 'handshake')
  play('accept', 'accept', 'accept')
  play('handshake:error:other', 'disconnect', 'handshake:error:other', 'handshake:error:protocol')
  play('disconnect', 'disconnect')
  t.equal(links.connected, 1)
  t.equal(links.refused, 3)
})

t.test('which of two connections has ended is told by later events, before it is reported', async (t) => {
  const { links, told, refusals, play, clock } = watch()
  play('accept', 'handshake', 'accept', 'disconnect')
  t.equal(clock.timers, 1)
  play('handshake')
  t.equal(clock.timers, 0)
  t.strictSame(told.splice(0), ['connected 1', 'disconnected 0', 'connected 1'], 'it was the older one')
  play('accept', 'disconnect')
  t.equal(links.connected, 1)
  clock.advance(handshakeMs)
  t.strictSame(told.splice(0), ['refused 1'], 'it was the newer one')
  play('accept', 'disconnect')
  links.close()
  t.equal(clock.timers, 0, 'nothing waits after the end')
  t.equal(refusals.length, 1)
})

t.test('a live link that ends while a handshake is pending is counted out when that fails', async (t) => {
  for (const failure of ['handshake:error:other', 'handshake:error:protocol']) {
    const { links, told, play, clock } = watch()
    play('accept', 'handshake', 'accept', 'disconnect', failure, 'disconnect')
    t.equal(links.connected, 0)
    clock.advance(handshakeMs)
    t.strictSame(told, ['connected 1', 'refused 1', 'disconnected 0'])
    t.equal(links.refused, 1)
  }
})

t.test('a refused connection beside another handshake takes no live link out of the count', async (t) => {
  const { links, told, play, clock } = watch()
  play('accept', 'handshake', 'accept', 'accept', 'handshake', 'disconnect')
  t.equal(links.connected, 2)
  clock.advance(handshakeMs)
  t.strictSame(told, ['connected 1', 'connected 2', 'refused 2'])
})

t.test('a flood of refused connections is counted and reported at a bounded rate', async (t) => {
  const { links, refusals, play, clock } = watch()
  for (let round = 0; round < 3; round++) {
    for (let count = 0; count < 1000; count++) play('accept', 'disconnect')
    clock.advance(10_000)
  }
  t.equal(links.refused, 3000)
  t.equal(refusals.length, 3)
  t.notMatch(refusals[0], /others/)
  t.match(refusals[1], 'and 999 others since the last report')
  t.match(refusals[2], 'and 999 others since the last report')
})

t.test('a peer that leaves while another arrives is counted out at last', async (t) => {
  const { links, play } = watch()
  play('accept', 'handshake', 'accept', 'disconnect', 'handshake')
  t.equal(links.connected, 1)
  play('disconnect')
  t.equal(links.connected, 0)
})

t.test('many peers come and go', async (t) => {
  const { links, play } = watch()
  for (let count = 1; count <= 50; count++) {
    play('accept', 'handshake')
    t.equal(links.connected, count)
  }
  for (let count = 49; count >= 0; count--) {
    play('disconnect')
    t.equal(links.connected, count)
  }
})

t.test('a connecting side counts its tries until it is up again', async (t) => {
  const { links, told, play } = watch(bound, 'connect')
  const attempts: number[] = []
  links.changes.subscribe(({ attempt }) => attempts.push(attempt))
  play('connect:delay', 'connect', 'handshake', 'disconnect', 'connect:retry', 'connect:delay', 'connect:retry')
  play('connect:delay', 'connect', 'handshake')
  t.strictSame(told, ['connected 1', 'disconnected 0', 'retrying 0', 'retrying 0', 'connected 1'])
  t.strictSame(attempts, [0, 0, 1, 2, 0])
})

t.test('a peer is named where this side connects, and only there', async (t) => {
  for (const side of ['bind', 'connect'] as const) {
    const { links, play } = watch(bound, side)
    const peers: unknown[] = []
    links.changes.subscribe(({ peer }) => peers.push(peer))
    play(side === 'bind' ? 'accept' : 'connect', 'handshake')
    t.strictSame(peers, [side === 'connect' ? bound : undefined])
  }
})

t.test('late subscribers get the current links first, and all complete at the end', async (t) => {
  const { links, play } = watch()
  play('accept', 'handshake', 'accept', 'handshake')
  const told: string[] = []
  links.observable.subscribe({ next: ({ state }) => told.push(state), complete: () => told.push('complete') })
  t.strictSame(told, ['connected', 'connected'])
  play('disconnect')
  links.close()
  t.strictSame(told, ['connected', 'connected', 'disconnected', 'disconnected', 'complete'])
  t.equal(links.connected, 0)
})

t.test('events name endpoints by numbers; the port tells then which one is meant', async (t) => {
  const { links, one, clock } = watch('tcp://localhost:5001', 'connect')
  const all = [
    one,
    addEndpoint(links, clock, 'tcp://localhost:5002', 'connect'),
    addEndpoint(links, clock, 'tcp://0.0.0.0:5003', 'bind'),
  ]
  t.equal(findEndpoint(all, 'tcp://127.0.0.1:5002'), all[1])
  t.equal(findEndpoint(all, 'tcp://192.0.2.1:5003'), all[2])
  t.equal(findEndpoint(all, 'tcp://localhost:5001'), all[0])
  t.equal(findEndpoint(all, 'tcp://127.0.0.1:9999'), undefined, 'an endpoint that nobody knows is nobody')
  t.equal(findEndpoint([one], 'tcp://127.0.0.1:9999'), one, 'with one endpoint there is no doubt')
})

t.test('the links of several endpoints are added up, and their socket hears of each change first', async (t) => {
  const clock = new VirtualClock()
  const links = new Links({ resource: () => 'test', clock, onRefused: () => {} })
  const told: string[] = []
  const [one, other] = ['tcp://127.0.0.1:1', 'tcp://127.0.0.1:2'].map((endpoint) =>
    addEndpoint(links, clock, endpoint, 'connect', ({ state }) => told.push(`${state} there are ${links.connected}`)),
  )
  links.changes.subscribe(({ endpoint, connected }) => told.push(`${endpoint} ${connected}`))
  for (const type of ['connect', 'handshake']) one?.event(type)
  for (const type of ['connect', 'handshake']) other?.event(type)
  one?.clear()
  other?.event('disconnect')
  t.strictSame(told, [
    'connected there are 1',
    'tcp://127.0.0.1:1 1',
    'connected there are 2',
    'tcp://127.0.0.1:2 2',
    'disconnected there are 1',
    'tcp://127.0.0.1:1 1',
    'disconnected there are 0',
    'tcp://127.0.0.1:2 0',
  ])
})

t.test('events that mean nothing for links change nothing', async (t) => {
  const { told, play } = watch()
  play('bind', 'accept', 'connect:delay', 'close', 'end', 'unknown', 'handshake')
  t.strictSame(told, ['connected 1'])
})
