/** Endpoints from DNS, over virtual time and an invented resolver: what is emitted, what is reported, and when it is asked. */
import t from 'tap'
import { DnsEndpoints, type DnsResolver, type FromDnsOptions, fromDns } from '../../src/discovery/index.js'
import { defaults } from '../../src/options/index.js'
import { turn } from '../support/events.js'
import { VirtualClock } from '../support/virtual-clock.js'

type Answer = readonly string[] | Error | 'never'
type Service = { name: string; port: number; priority: number }

/** A resolver with answers that a test changes, and a subscription to its endpoints. */
class Lab {
  readonly clock = new VirtualClock()
  readonly lists: unknown[] = []
  readonly errors: string[] = []
  readonly asked: string[] = []
  addresses: Record<string, Answer>
  services: readonly Service[]
  readonly stop: () => void

  constructor(
    options: FromDnsOptions,
    addresses: Record<string, Answer> = {},
    services: readonly Service[] = [],
    random = () => 0,
  ) {
    this.addresses = addresses
    this.services = services
    const resolver: DnsResolver = {
      lookup: (name) => {
        this.asked.push(name)
        const answer = this.addresses[name] ?? new Error('ENOTFOUND')
        if (answer === 'never') return new Promise(() => {})
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
      },
      resolveSrv: (name) => {
        this.asked.push(`SRV ${name}`)
        return Promise.resolve(this.services)
      },
    }
    const source = new DnsEndpoints('quotes.local', { resolver, ...options }, this.clock, random)
    source.errors.subscribe(({ code, message }) => this.errors.push(`${code} ${message}`))
    const subscription = source.subscribe((list) => this.lists.push(list))
    this.stop = () => subscription.unsubscribe()
  }

  /** Lets time pass, and what is asked be answered. */
  async pass(ms = 0): Promise<void> {
    await turn()
    this.clock.advance(ms)
    await turn()
  }
}

t.test('addresses of a name, when they have changed', async (t) => {
  const addresses = ['10.0.0.2', '10.0.0.1', '::1', '10.0.0.1']
  const lab = new Lab({ port: 7000, serverKey: 'key' }, { 'quotes.local': addresses })
  await lab.pass()
  const list = (...hosts: string[]) => hosts.map((host) => ({ address: `tcp://${host}:7000`, serverKey: 'key' }))
  t.strictSame(lab.lists, [list('10.0.0.1', '10.0.0.2', '[::1]')])
  lab.addresses = { 'quotes.local': ['::1', '10.0.0.1', '10.0.0.2'] }
  await lab.pass(defaults.dnsPollMs)
  t.equal(lab.lists.length, 1, 'another order is no change')
  lab.addresses = { 'quotes.local': ['10.0.0.2'] }
  await lab.pass(defaults.dnsPollMs)
  t.strictSame(lab.lists.slice(1), [list('10.0.0.2')])
  t.equal(lab.asked.length, 3)
  lab.stop()
  await lab.pass(10 * defaults.dnsPollMs)
  t.equal(lab.asked.length, 3, 'nobody asks any more')
  t.equal(lab.clock.timers, 0)
  t.strictSame(lab.errors, [])
})

t.test('the time between two look-ups has a part at random', async (t) => {
  const randoms = [0, 0.5, 0.99]
  const addresses = { 'quotes.local': ['10.0.0.1'] }
  const lab = new Lab({ port: 1, pollMs: 1000 }, addresses, [], () => randoms.shift() ?? 0)
  await lab.pass()
  for (const [at, ms] of [1000, 1100, 1198].entries()) {
    await lab.pass(ms - 1)
    t.equal(lab.asked.length, at + 1)
    await lab.pass(1)
    t.equal(lab.asked.length, at + 2)
  }
  lab.stop()
})

t.test('a look-up that fails, finds nothing or hangs keeps the last list, and is reported once', async (t) => {
  const lab = new Lab({ port: 7000 })
  await lab.pass()
  t.strictSame(lab.errors, ['RIVULET_DISCOVERY_FAILED fromDns: a look-up of quotes.local failed; the last list holds'])
  lab.addresses = { 'quotes.local': [] }
  // sooner than usual at first
  await lab.pass(1000)
  await lab.pass(2000)
  t.equal(lab.asked.length, 3)
  t.equal(lab.errors.length, 1)
  lab.addresses = { 'quotes.local': ['10.0.0.1'] }
  await lab.pass(4000)
  t.equal(lab.lists.length, 1)
  lab.addresses = { 'quotes.local': [] }
  await lab.pass(defaults.dnsPollMs)
  t.match(lab.errors[1], /found nothing/)
  lab.addresses = { 'quotes.local': ['10.0.0.1'] }
  await lab.pass(1000)
  lab.addresses = { 'quotes.local': 'never' }
  await lab.pass(defaults.dnsPollMs)
  await lab.pass(defaults.lookUpMs)
  t.match(lab.errors[2], /longer than 5000 ms/)
  lab.addresses = { 'quotes.local': ['10.0.0.1'] }
  await lab.pass(1000)
  t.equal(lab.lists.length, 1, 'the list has not changed')
  lab.addresses = { 'quotes.local': new Error('SERVFAIL') }
  for (let hour = 0; hour < 20; hour++) await lab.pass(defaults.dnsPollMs)
  t.equal(lab.errors.length, 4, 'not the same again')
  t.equal(lab.lists.length, 1)
  lab.stop()
})

t.test('SRV records of the lowest priority, each with its port', async (t) => {
  const services = [
    { name: 'b', port: 2, priority: 1 },
    { name: 'a', port: 1, priority: 1 },
    { name: 'spare', port: 3, priority: 2 },
    { name: 'leaving', port: 4, priority: 1 },
  ]
  const lab = new Lab({}, { a: ['10.0.0.1'], b: ['10.0.0.2', '10.0.0.3'], spare: ['10.0.0.9'] }, services)
  await lab.pass()
  const addresses = ['tcp://10.0.0.1:1', 'tcp://10.0.0.2:2', 'tcp://10.0.0.3:2']
  t.strictSame(lab.lists, [addresses.map((address) => ({ address }))])
  t.strictSame(lab.errors, [])
  lab.addresses = { spare: ['10.0.0.9'] }
  await lab.pass(defaults.dnsPollMs)
  t.equal(lab.lists.length, 1)
  t.equal(lab.errors.length, 1, 'none of them has an address')
  lab.services = []
  await lab.pass(1000)
  t.equal(lab.lists.length, 1)
  lab.services = [{ name: 'spare', port: 3, priority: 2 }]
  await lab.pass(2000)
  t.strictSame(lab.lists.slice(1), [[{ address: 'tcp://10.0.0.9:3' }]])
  lab.stop()
})

t.test('what is no name, no port, no time or no resolver is refused', async (t) => {
  const wrong: [unknown, unknown][] = [
    ['', {}],
    ['tcp://quotes', {}],
    ['quotes:1', {}],
    ['x'.repeat(256), {}],
    [7, {}],
    ['quotes', { port: 0 }],
    ['quotes', { port: 65_536 }],
    ['quotes', { pollMs: 99 }],
    ['quotes', { resolver: {} }],
    ['quotes', { serverKey: 7 }],
    ['quotes', { ttl: 1 }],
  ]
  for (const [name, options] of wrong) {
    t.throws(() => fromDns(name as string, options as object), { code: 'RIVULET_INVALID_OPTION' })
  }
})

t.test('the system answers for the hosts that it knows', async (t) => {
  const list = await new Promise((resolve) => {
    const subscription = fromDns('localhost', { port: 7 }).subscribe((found) => {
      resolve(found)
      queueMicrotask(() => subscription.unsubscribe())
    })
  })
  t.match(list, [{ address: /^tcp:\/\/(127\.0\.0\.1|\[::1\]):7$/ }])
})
