/** The offers of publishers: those that are used stay, however many others answer. */
import t from 'tap'
import { HistoryOffers } from '../../patterns/pubsub/history-offers.js'
import { VirtualClock } from '../support/virtual-clock.js'

t.test('publishers that only answer displace none whose history is used', async (t) => {
  let dialed: string[] = []
  const offers = new HistoryOffers(
    { maxMessageBytes: 1000, heldBytes: 1000, repairTimeoutMs: 5000 },
    {
      clock: new VirtualClock(),
      name: () => 'test',
      connect: () => [{ address: 'tcp://127.0.0.1:5000', serverKeys: [] }],
      dial: (endpoints) => {
        dialed = endpoints.map(({ address }) => address)
      },
      bind: () => undefined,
      ask() {},
      reject: (error) => t.fail(error.message),
      report: (error) => t.fail(error.message),
    },
  )
  const source = (n: number) => n.toString(16).padStart(16, '0')
  const fetch = { purpose: 'history', pattern: '#', after: 0, upTo: 9, last: 0, since: null, retained: false } as const
  const asker = { fetched() {}, expired() {}, head() {}, ended() {} }
  offers.answered(source(1), ['tcp://127.0.0.1:6001'], false)
  offers.fetch({ ...fetch, source: source(1) }, asker)
  t.strictSame(dialed, ['tcp://127.0.0.1:6001'])
  for (let n = 2; n < 3000; n++) offers.answered(source(n), ['tcp://127.0.0.1:6002'], false)
  t.ok(offers.isOffered(source(1)))
  t.notOk(offers.isOffered(source(2)), 'the number of offers is bounded')
  t.ok(offers.isOffered(source(2999)))
  t.strictSame(dialed, ['tcp://127.0.0.1:6001'])
  await offers.close()
})

t.test(
  'one that serves over links alone is forgotten if it does not answer after a connection has ended',
  async (t) => {
    const clock = new VirtualClock()
    let dialed: string[] = []
    const ignore = () => {}
    const offers = new HistoryOffers(
      { maxMessageBytes: 1000, heldBytes: 1000, repairTimeoutMs: 5000 },
      {
        clock,
        name: () => 'test',
        connect: () => [{ address: 'tcp://127.0.0.1:5000', serverKeys: [] }],
        dial: (endpoints) => {
          dialed = endpoints.map(({ address }) => address)
        },
        bind: () => undefined,
        ask: ignore,
        reject: (error) => t.fail(error.message),
        report: (error) => t.fail(error.message),
        followed: {
          opened: ignore,
          lost: ignore,
          refused: ignore,
          learn: ignore,
          frame: ignore,
          answer: ignore,
          denied: ignore,
        },
      },
    )
    const [hub, restarted] = ['tcp://127.0.0.1:6001', 'tcp://127.0.0.1:6002']
    offers.discovered('0a', [hub])
    offers.unlinked()
    clock.advance(5000)
    offers.discovered('0a', [hub])
    clock.advance(20_000)
    t.strictSame(dialed, [hub], 'it has answered')
    offers.unlinked()
    offers.discovered('0b', [restarted])
    clock.advance(9999)
    t.strictSame(dialed, [hub, restarted])
    clock.advance(1)
    t.strictSame([dialed, clock.timers], [[restarted], 0])
    await offers.close()
  },
)
