/** The links that a publisher dials, since its subscribers name them: bounded, and given up with the subscribers. */
import t from 'tap'
import { DialedLinks } from '../../patterns/pubsub/dialed-links.js'

const connect = [{ address: 'tcp://127.0.0.1:1', serverKeys: [] }]

function world() {
  const lists: string[][] = []
  const links = new DialedLinks((endpoints) => lists.push(endpoints.map(({ address }) => address)))
  const named = (...ports: number[]) =>
    links.named(
      ports.map((port) => `tcp://127.0.0.1:${port}`),
      connect,
    )
  return { links, lists, named }
}

t.test('what is named is dialed, and no list comes twice', async (t) => {
  const { lists, named } = world()
  named(2)
  named(2)
  named(2, 3)
  named()
  t.strictSame(lists, [['tcp://127.0.0.1:2'], ['tcp://127.0.0.1:2', 'tcp://127.0.0.1:3']])
})

t.test('nothing else than the transports of the topic socket', async (t) => {
  const { links, lists } = world()
  links.named(['ipc:///tmp/x', 'inproc://x', 'malformed'], connect)
  t.strictSame(lists, [])
})

t.test('those that were named the longest ago are given up', async (t) => {
  const { lists, named } = world()
  for (let port = 1; port <= 64; port++) named(port)
  named(1)
  named(100)
  const last = lists.at(-1) ?? []
  t.equal(last.length, 64)
  t.ok(last.includes('tcp://127.0.0.1:1'))
  t.notOk(last.includes('tcp://127.0.0.1:2'))
})

t.test('without subscribers nothing is dialed', async (t) => {
  const { links, lists, named } = world()
  links.forget()
  named(2)
  links.forget()
  t.strictSame(lists, [['tcp://127.0.0.1:2'], []])
})
