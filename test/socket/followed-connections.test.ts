/** Which connections of a changing list are made and ended, and when: over virtual time, without a socket. */
import t from 'tap'
import { RivuletError } from '../../src/errors/index.js'
import { defaults } from '../../src/options/index.js'
import { FollowedConnections } from '../../src/socket/followed-connections.js'
import type { ConnectEndpoint } from '../../src/socket/index.js'
import { VirtualClock } from '../support/virtual-clock.js'

const endpoint = (address: string, ...serverKeys: string[]): ConnectEndpoint => ({ address, serverKeys })
const [a, b] = [endpoint('a'), endpoint('b')]

/** A socket that notes what is asked of it, and what was read when a test says so. */
class Lab {
  readonly clock = new VirtualClock()
  readonly said: string[] = []
  readonly failures: string[] = []
  broken = ''
  #read: (() => void)[] = []
  #disconnects: (() => void)[] = []
  readonly connections: FollowedConnections

  constructor(...endpoints: ConnectEndpoint[]) {
    this.connections = new FollowedConnections(endpoints, {
      clock: this.clock,
      connect: ({ address, serverKeys }) => {
        if (address === this.broken) throw new RivuletError('RIVULET_INVALID_ENDPOINT', address)
        this.said.push(`+${[address, ...serverKeys].join(' ')}`)
      },
      whenRead: (callback) => this.#read.push(callback),
      disconnect: (address, done) => {
        this.said.push(`-${address}`)
        this.#disconnects.push(done)
      },
      failed: ({ message }) => this.failures.push(message),
    })
  }

  /** The peer of an address leaves. */
  leave(address: string): void {
    this.connections.disconnected(address)
  }

  read(): void {
    for (const callback of this.#read.splice(0)) callback()
  }

  /** What was to be disconnected is. */
  disconnect(): void {
    for (const done of this.#disconnects.splice(0)) done()
  }

  heard(): string[] {
    return this.said.splice(0)
  }
}

t.test('what is new is connected at once, and once', async (t) => {
  const lab = new Lab(a)
  lab.connections.apply([a, b])
  lab.connections.apply([b, a])
  t.strictSame(lab.heard(), ['+b'])
  t.notOk(lab.connections.wouldRemove([b, a]))
  t.ok(lab.connections.wouldRemove([b]))
  t.ok(lab.connections.wouldRemove([endpoint('a'), b]), 'one with other keys')
})

t.test('what is removed stays until its peer has left and what came was read', async (t) => {
  const lab = new Lab(a, b)
  lab.connections.apply([b])
  lab.clock.advance(defaults.removedMs - 1)
  lab.connections.apply([b])
  lab.leave('a')
  t.strictSame(lab.heard(), [])
  lab.read()
  lab.disconnect()
  t.strictSame(lab.heard(), ['-a'])
  t.equal(lab.clock.timers, 0)
  lab.leave('b')
  lab.read()
  t.strictSame(lab.heard(), [], 'what is wanted stays')
})

t.test('what has come of a peer that has left is read, however long that takes', async (t) => {
  const lab = new Lab(a)
  lab.connections.apply([])
  lab.leave('a')
  lab.clock.advance(100 * defaults.removedMs)
  t.strictSame(lab.heard(), [])
  lab.read()
  t.strictSame(lab.heard(), ['-a'])
})

t.test('a peer that stays is left after some time, also if nothing is read', async (t) => {
  const lab = new Lab(a)
  lab.connections.apply([])
  lab.clock.advance(defaults.removedMs)
  t.strictSame(lab.heard(), [], 'what has come is read first')
  lab.clock.advance(defaults.removedMs)
  t.strictSame(lab.heard(), ['-a'])
  lab.read()
  lab.disconnect()
  t.strictSame(lab.heard(), [], 'once')
})

t.test('what comes back in time stays', async (t) => {
  const lab = new Lab(a)
  lab.connections.apply([])
  lab.clock.advance(defaults.removedMs)
  lab.connections.apply([a])
  lab.read()
  lab.clock.advance(10 * defaults.removedMs)
  t.strictSame(lab.heard(), [])
  lab.connections.apply([])
  lab.read()
  t.strictSame(lab.heard(), [], 'what was read before is no matter')
  lab.clock.advance(2 * defaults.removedMs)
  t.strictSame(lab.heard(), ['-a'])
})

t.test('another key makes another connection, when the former one has ended', async (t) => {
  const lab = new Lab(endpoint('a', 'old'))
  lab.connections.apply([endpoint('a', 'new')])
  t.strictSame(lab.heard(), ['-a'])
  lab.connections.apply([endpoint('a', 'newest')])
  t.strictSame(lab.heard(), [])
  lab.disconnect()
  t.strictSame(lab.heard(), ['+a newest'])
})

t.test('an endpoint that cannot be connected is reported, and tried with the next list', async (t) => {
  const lab = new Lab()
  lab.broken = 'a'
  lab.connections.apply([a, b])
  t.strictSame([lab.heard(), lab.failures], [['+b'], ['a']])
  lab.broken = ''
  lab.connections.apply([a, b])
  t.strictSame(lab.heard(), ['+a'])
})

t.test('closed, it does nothing any more', async (t) => {
  const lab = new Lab(a, b)
  lab.connections.apply([b])
  lab.connections.close()
  t.equal(lab.clock.timers, 0)
  lab.leave('a')
  lab.read()
  lab.connections.apply([endpoint('c')])
  t.strictSame(lab.heard(), [])
})
