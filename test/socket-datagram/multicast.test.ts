/** Groups: over the loopback interface of this machine, and over interfaces that a test makes up. */
import { Observable } from 'rxjs'
import t from 'tap'
import { createDatagram } from '../../patterns/socket/datagram/index.js'
import { defineSchema } from '../../src/avro/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { type Interfaces, interfaceWatchMs, MulticastGroup } from '../../src/net/index.js'
import { first } from '../support/events.js'
import { VirtualClock } from '../support/virtual-clock.js'

const Count = defineSchema('long')

/** A port for each test process: other processes may have the group, too. */
const port = 20_000 + (process.pid % 20_000)

t.test('two sockets of one group on one machine', async (t) => {
  const multicast = { group: `udp://239.77.1.1:${port}`, interfaces: '127.0.0.1', ttl: 0 }
  const sockets = [
    await createDatagram({ schema: Count, bind: 'udp://127.0.0.1:*', multicast }),
    await createDatagram({ schema: Count, bind: 'udp://127.0.0.1:*', multicast }),
  ] as const
  for (const socket of sockets) t.teardown(() => socket.close({ drain: false }))
  const [one, two] = sockets
  t.equal(one.connected, 2, 'the bound socket, and one interface')
  await one.whenConnected()
  const arrived = sockets.map(({ deliveries }) => first(deliveries, ({ value }) => value === 7))
  await one.send(7)
  for (const delivery of await Promise.all(arrived)) t.match(delivery, { from: one.endpoint, sequence: 1 })
  // an answer goes to the sender alone
  const answer = first(one.deliveries)
  await two.sendTo(one.endpoint, 8)
  t.match(await answer, { value: 8, from: two.endpoint })
  t.equal(two.stats().incoming.received, 1)
})

t.test('an interface that is not there is reported, and the socket opens', async (t) => {
  const warned = first(
    new Observable<Error>((observer) => {
      const warn = (warning: Error) => observer.next(warning)
      process.on('warning', warn)
      return () => process.off('warning', warn)
    }),
  )
  const multicast = { group: `udp://239.77.1.3:${port}`, interfaces: ['none0'] }
  const socket = await createDatagram({ schema: Count, bind: 'udp://127.0.0.1:*', multicast })
  t.equal(socket.connected, 1, 'the bound socket alone')
  t.match((await warned).message, /none0/)
  await socket.close()
})

/** A membership over interfaces that a test changes, and what the system was asked for. */
function membership(wanted: readonly string[], initial: Interfaces, refusals: Readonly<Record<string, string>> = {}) {
  const clock = new VirtualClock()
  const world = { interfaces: initial, joined: new Set<string>() }
  const log: string[] = []
  const group = new MulticastGroup('239.1.1.1', 4, wanted, {
    clock,
    interfaces: () => world.interfaces,
    join(scope) {
      const code = refusals[scope] ?? (world.joined.has(scope) ? 'EADDRINUSE' : undefined)
      if (code !== undefined) throw Object.assign(new Error(code), { code })
      world.joined.add(scope)
    },
    leave: (scope) => void world.joined.delete(scope),
    joined: (name) => log.push(`joined ${name}`),
    first: (scope) => log.push(`sends by ${scope}`),
    left: (name, error) => log.push(`left ${name} ${error instanceof RivuletError ? error.code : error}`),
    failed: ({ message }) => log.push(message),
  })
  group.start()
  const take = () => log.splice(0)
  return { clock, world, group, take }
}

const at = (address: string, internal = false) => [
  { address: 'fe80::1', family: 'IPv6', internal },
  { address, family: 'IPv4', internal },
  { address: `${address}9`, family: 'IPv4', internal },
]

t.test('each interface joins once, whatever its addresses, and again within half a second', async (t) => {
  const { clock, world, group, take } = membership(
    [],
    { lo: at('127.0.0.1', true), eth0: at('10.0.0.1'), tun0: at('10.9.0.1') },
    { '10.9.0.1': 'ENODEV' },
  )
  t.strictSame(take(), ['joined lo', 'joined eth0', 'sends by 127.0.0.1'])
  t.equal(group.outwardScope, '10.0.0.1')
  clock.advance(10 * interfaceWatchMs)
  t.strictSame(take(), [], 'nothing changes')
  const { eth0, ...others } = world.interfaces
  world.interfaces = others
  clock.advance(interfaceWatchMs)
  t.strictSame(take(), ['left eth0 RIVULET_NOT_JOINED'])
  t.equal(world.joined.has('10.0.0.1'), false)
  world.interfaces = { ...others, eth0 }
  clock.advance(interfaceWatchMs)
  t.strictSame(take(), ['joined eth0'])
  t.ok(2 * interfaceWatchMs <= 2000)
  // it was removed and made again between two looks
  world.joined.delete('10.0.0.1')
  clock.advance(interfaceWatchMs)
  t.strictSame(take(), ['left eth0 RIVULET_NOT_JOINED', 'joined eth0'])
  group.stop()
  t.equal(clock.timers, 0)
})

t.test('named interfaces join in their order, and are reported once while they cannot', async (t) => {
  const { clock, world, take } = membership(['eth1', '10.0.0.1', 'none'], { eth0: at('10.0.0.1') })
  const reports = take()
  t.match(reports.join('\n'), /joined eth0\nsends by 10\.0\.0\.1\n.*eth1.*\n.*none/)
  t.equal(reports.length, 4)
  clock.advance(5 * interfaceWatchMs)
  t.strictSame(take(), [])
  world.interfaces = { eth0: at('10.0.0.1'), eth1: at('10.0.1.1'), eth2: at('10.0.2.1') }
  clock.advance(interfaceWatchMs)
  t.strictSame(take(), ['joined eth1', 'sends by 10.0.1.1'])
  world.interfaces = { eth0: at('10.0.0.1') }
  clock.advance(interfaceWatchMs)
  t.strictSame(take(), ['left eth1 RIVULET_NOT_JOINED', 'sends by 10.0.0.1'])
})

t.test('an interface that the system has not let go of counts as joined when it is back', async (t) => {
  const { clock, world, take } = membership([], { eth0: at('10.0.0.1') })
  take()
  world.interfaces = {}
  clock.advance(interfaceWatchMs)
  t.strictSame(take(), ['left eth0 RIVULET_NOT_JOINED'])
  world.joined.add('10.0.0.1')
  world.interfaces = { eth0: at('10.0.0.1') }
  clock.advance(interfaceWatchMs)
  t.strictSame(take(), ['joined eth0', 'sends by 10.0.0.1'])
})
