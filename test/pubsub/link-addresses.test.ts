/** Where links of topic sockets are bound, how they are named, and which of them a peer dials. */
import t from 'tap'
import { linkBinds, reachableLinks, readLinks, writeLinks } from '../../patterns/pubsub/link-addresses.js'
import { TopicLinks } from '../../patterns/pubsub/topics-wire.js'

const way = (address: string, ...serverKeys: string[]) => ({ address, serverKeys })
const addressesOf = (addresses: string[], ...connect: string[]) =>
  reachableLinks(
    addresses,
    connect.map((one) => way(one)),
  ).map(({ address }) => address)

t.test('links are bound beside the topic socket', async (t) => {
  const endpoints = ['tcp://127.0.0.1:5000', 'tcp://[::1]:5000', 'ipc:///run/app.sock', 'inproc://name']
  t.strictSame(linkBinds(endpoints), [
    'tcp://127.0.0.1:*',
    'tcp://[::1]:*',
    'ipc:///run/app.sock.links',
    'inproc://name.links',
  ])
})

t.test('addresses are written and read', async (t) => {
  t.equal(readLinks({}), undefined)
  t.strictSame(readLinks(writeLinks([])), [])
  t.strictSame(readLinks(writeLinks(['tcp://127.0.0.1:1', 'ipc://x'])), ['tcp://127.0.0.1:1', 'ipc://x'])
  t.equal(readLinks({ links: Buffer.from([7]) }), undefined, 'malformed')
  const many = Array.from({ length: 20 }, (_, at) => `tcp://127.0.0.1:${at + 1}`)
  t.equal(readLinks(writeLinks(many))?.length, 16)
  t.equal(readLinks({ links: TopicLinks.encode({ addresses: many }) })?.length, 16)
  t.strictSame(readLinks({ links: TopicLinks.encode({ addresses: [`ipc://${'x'.repeat(600)}`, 'ipc://y'] }) }), [
    'ipc://y',
  ])
  t.strictSame(readLinks(writeLinks(['tcp://127.0.0.1:10', 'tcp://127.0.0.1:11'], 30)), ['tcp://127.0.0.1:10'])
})

t.test('those are dialed whose transport and host are in use', async (t) => {
  const all = ['tcp://127.0.0.1:1', 'tcp://10.0.0.1:2', 'ipc:///a.links', 'inproc://a.links']
  t.strictSame(addressesOf(all, 'tcp://10.0.0.1:9'), ['tcp://10.0.0.1:2'])
  t.strictSame(addressesOf(all, 'ipc:///a'), ['ipc:///a.links'])
  t.strictSame(addressesOf(all, 'inproc://a', 'tcp://127.0.0.1:9'), ['tcp://127.0.0.1:1', 'inproc://a.links'])
  t.strictSame(addressesOf(all, 'tcp://name:9'), ['tcp://127.0.0.1:1', 'tcp://10.0.0.1:2'], 'a name may be any host')
  t.strictSame(addressesOf(['tcp://0.0.0.0:7', 'tcp://*:8'], 'tcp://a:1', 'tcp://b:1'), [
    'tcp://a:7',
    'tcp://b:7',
    'tcp://a:8',
    'tcp://b:8',
  ])
  t.strictSame(addressesOf(['tcp://a:*', 'tcp://a', 'udp://a:1', 'ipc://', ''], 'tcp://a:1', 'ipc://x'), [])
})

t.test('with the keys of the servers there', async (t) => {
  const connect = [way('tcp://a:1', 'A'), way('tcp://b:1', 'B', 'C'), way('ipc:///x', 'D')]
  t.strictSame(reachableLinks(['tcp://b:2'], connect), [{ address: 'tcp://b:2', serverKey: ['B', 'C'] }])
  t.strictSame(reachableLinks(['ipc:///x.links'], connect), [
    { address: 'ipc:///x.links', serverKey: ['A', 'B', 'C', 'D'] },
  ])
})
