/** Links told from the monitor's events: the sequences that libzmq 4.3.5 sends, as they were measured. */
import t from 'tap'
import { findEndpoint } from '../../src/socket/endpoint-links.js'
import { Links } from '../../src/socket/links.js'

const bound = 'tcp://127.0.0.1:5000'

/** Links of one endpoint with what they told. */
function watch(endpoint = bound, side: 'bind' | 'connect' = 'bind') {
  const refusals: string[] = []
  const links = new Links(
    () => 'test',
    (error) => refusals.push(error.code),
  )
  const one = links.add(endpoint, side)
  const told: string[] = []
  links.changes.subscribe(({ state, connected }) => told.push(`${state} ${connected}`))
  const play = (...types: string[]) => {
    for (const type of types) {
      one.event(type, type.includes('error') ? new Error(`because of ${type}`) : undefined)
    }
  }
  return { links, one, told, refusals, play }
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
  t.strictSame(refusals, ['RIVULET_HANDSHAKE_FAILED'])
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

t.test('a stranger beside a good peer takes nothing from it', async (t) => {
  for (const failure of [['disconnect'], ['handshake:error:other', 'disconnect']]) {
    const { links, told, play } = watch()
    play('accept', 'handshake', 'accept', ...failure)
    t.equal(links.connected, 1)
    play('disconnect')
    t.strictSame(told, ['connected 1', 'refused 1', 'disconnected 0'])
  }
})

t.test('several strangers at once, whose ends come in any order', async (t) => {
  const { links, play, refusals } = watch()
  play('accept', 'handshake')
  play('accept', 'accept', 'accept')
  play('handshake:error:other', 'disconnect', 'handshake:error:other', 'handshake:error:protocol')
  play('disconnect', 'disconnect')
  t.equal(links.connected, 1)
  t.equal(refusals.length, 3)
})

t.test('where peers hurry back, a handshake tells who has gone before a refusal is told', async (t) => {
  const waiting = new Set<() => void>()
  const refusals: string[] = []
  const links = new Links(
    () => 'test',
    (error) => refusals.push(error.code),
  )
  const one = links.add(bound, 'bind', {
    whenSure: (callback) => {
      waiting.add(callback)
      return () => void waiting.delete(callback)
    },
  })
  const told: string[] = []
  links.changes.subscribe(({ state, connected }) => told.push(`${state} ${connected}`))
  const play = (...types: string[]) => {
    for (const type of types) one.event(type)
  }
  play('accept', 'handshake', 'accept', 'disconnect')
  t.equal(waiting.size, 1)
  play('handshake')
  t.equal(waiting.size, 0)
  t.strictSame(told.splice(0), ['connected 1', 'disconnected 0', 'connected 1'], 'it was an older connection')
  play('accept', 'disconnect')
  for (const sure of waiting) sure()
  waiting.clear()
  t.strictSame(told.splice(0), ['refused 1'], 'it was a stranger')
  play('accept', 'disconnect')
  links.close()
  t.equal(waiting.size, 0, 'nothing waits after the end')
  t.strictSame(refusals, ['RIVULET_HANDSHAKE_FAILED'])
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
  const { links, one } = watch('tcp://localhost:5001', 'connect')
  const all = [one, links.add('tcp://localhost:5002', 'connect'), links.add('tcp://0.0.0.0:5003', 'bind')]
  t.equal(findEndpoint(all, 'tcp://127.0.0.1:5002'), all[1])
  t.equal(findEndpoint(all, 'tcp://192.0.2.1:5003'), all[2])
  t.equal(findEndpoint(all, 'tcp://localhost:5001'), all[0])
  t.equal(findEndpoint(all, 'tcp://127.0.0.1:9999'), undefined, 'an endpoint that nobody knows is nobody')
  t.equal(findEndpoint([one], 'tcp://127.0.0.1:9999'), one, 'with one endpoint there is no doubt')
})

t.test('the links of several endpoints are added up, and their socket hears of each change first', async (t) => {
  const links = new Links(
    () => 'test',
    () => {},
  )
  const told: string[] = []
  const [one, other] = ['tcp://127.0.0.1:1', 'tcp://127.0.0.1:2'].map((endpoint) =>
    links.add(endpoint, 'connect', { onChange: ({ state }) => told.push(`${state} there are ${links.connected}`) }),
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
