/** The proof that a new pattern touches nothing in `src`: `counter.ts`, over sockets and in the simulation. */
import t from 'tap'
import { resolveOptions } from '../../src/options/index.js'
import { type SocketOptions, socketRules } from '../../src/socket/index.js'
import { readSources } from '../repository/sources.js'
import { explainAs, runSeeds } from '../simulation/seeds.js'
import { first, until } from '../support/events.js'
import { eachTransport } from '../support/transports.js'
import { Counter, CounterClient, CounterHost } from './counter.js'
import { type CounterOutcome, simulateCounter } from './counter-simulation.js'

const options = (given: SocketOptions) => resolveOptions('createCounter', given, socketRules)

t.test('it is small, and uses folders of src by their index alone', async (t) => {
  const [file] = readSources('test/new-pattern').filter(({ path }) => path.endsWith('/counter.ts'))
  t.ok((file?.text.split('\n').length ?? 1000) <= 150)
  const foreign = file?.imports.filter(({ specifier }) => !/^\.\.\/\.\.\/src\/[a-z-]+\/index\.js$/.test(specifier))
  t.strictSame(foreign, [])
})

eachTransport(t, 'over sockets', async (t, { runtime, bind }) => {
  const kept = new CounterHost()
  const host = await new Counter(options({ bind, runtime }), kept).open()
  const users = ['one', 'other'].map((name) => new CounterClient(name))
  const clients = await Promise.all(
    users.map((user) => new Counter(options({ connect: host.endpoint, runtime }), user).open()),
  )
  users[0]?.add(40)
  users[1]?.add(2)
  await until(() => users.every(({ state, unfinished }) => state.value === 42 && unfinished === 0))
  t.strictSame(host.stats(), { value: 42, version: 2 })
  users[0]?.add(-1)
  t.strictSame(await clients[0]?.close(), { undelivered: 0 }, 'closing waits until it is confirmed')
  t.equal(kept.state.value, 41)
  const gone = first(host.links, ({ connected }) => connected === 0)
  await clients[1]?.close()
  await gone
  t.strictSame(await host.close(), { undelivered: 0 })
})

t.test('in the simulation: sessions are cut, lost and begun again, watchers are slow', async (t) => {
  const outcomes: CounterOutcome[] = []
  const simulate = (seed: number) => {
    const outcome = simulateCounter(seed)
    outcomes.push(outcome)
    return outcome
  }
  const { failures } = await runSeeds(simulate, { from: 0, seeds: 200 })
  t.strictSame(failures.map(explainAs('counter')), [])
  t.ok(outcomes.filter(({ sessions, clients }) => sessions > clients).length > 20, 'sessions were lost')
  t.ok(outcomes.filter(({ skipped }) => skipped > 0).length > 20, 'watchers without credit skipped values')
  t.equal(simulateCounter(5).hash, outcomes[5]?.hash, 'a seed repeats')
})

t.test('broken variants are caught', async (t) => {
  /** Counts what is sent again. */
  class Repeating extends CounterHost {
    #known = new Map<string, number>()

    override counts(client: string, number: number, amount: number): boolean {
      if (number > (this.#known.get(client) ?? 0)) {
        this.#known.set(client, number)
        return super.counts(client, number, amount)
      }
      if (number > 0) this.state = { value: this.state.value + amount, version: this.state.version + 1 }
      return number > 0
    }
  }
  /** Confirms, and forgets to add. */
  class Forgetful extends CounterHost {
    override counts(client: string, number: number, amount: number): boolean {
      return super.counts(client, number, number % 50 === 0 ? 0 : amount)
    }
  }
  for (const Broken of [Repeating, Forgetful]) {
    const { failures, seeds } = await runSeeds((seed) => simulateCounter(seed, new Broken()), {
      from: 0,
      seeds: 300,
      failures: 1,
    })
    t.equal(failures.length, 1, `${Broken.name} is caught, after ${seeds} seeds`)
  }
})
