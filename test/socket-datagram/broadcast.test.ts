/** Messages to all hosts of a network: over the loopback interface of this machine, and between two network namespaces. */
import t from 'tap'
import { createDatagram } from '../../patterns/socket/datagram/index.js'
import { defineSchema } from '../../src/avro/index.js'
import { codesOf, first } from '../support/events.js'
import { NamespaceSide } from './namespace-side.js'
import { twoNamespaces, whyNoNamespaces } from './netns.js'

const Count = defineSchema('long')

/** The address of all hosts of the loopback network. */
const all = '127.255.255.255'

async function receiverOf(t: { teardown(action: () => Promise<unknown>): void }) {
  const receiver = await createDatagram({ schema: Count, bind: 'udp://0.0.0.0:*', insecure: true })
  t.teardown(() => receiver.close({ drain: false }))
  return { receiver, port: new URL(receiver.endpoint).port }
}

t.test('a message to all hosts arrives, numbered, and is answered', async (t) => {
  const { receiver, port } = await receiverOf(t)
  const sender = await createDatagram({ schema: Count, bind: 'udp://127.0.0.1:*', broadcast: true })
  t.teardown(() => sender.close({ drain: false }))
  const delivery = first(receiver.deliveries)
  await sender.sendTo(`udp://${all}:${port}`, 7)
  t.match(await delivery, { value: 7, from: sender.endpoint, sequence: 1, lost: 0 })
  const answer = first(sender.messages)
  await receiver.sendTo(sender.endpoint, 8)
  t.equal(await answer, 8)
})

t.test('without the option the system refuses it, and the message is counted', async (t) => {
  const { receiver, port } = await receiverOf(t)
  const sender = await createDatagram({ schema: Count, bind: 'udp://127.0.0.1:*' })
  t.teardown(() => sender.close({ drain: false }))
  const codes = codesOf(sender)
  const reported = first(sender.errors)
  await sender.sendTo(`udp://${all}:${port}`, 7)
  t.match(await reported, { code: 'RIVULET_TRANSPORT_FAILED', cause: { code: 'EACCES' } })
  t.match(sender.stats().outgoing, { accepted: 1, sent: 0, dropped: { transport: 1 } })
  const delivery = first(receiver.deliveries)
  await sender.sendTo(`udp://127.0.0.1:${port}`, 8)
  t.match(await delivery, { value: 8 }, 'the socket still works')
  t.strictSame(codes, ['RIVULET_TRANSPORT_FAILED'])
})

interface Line {
  readonly bound?: string
  readonly code?: string
  readonly value?: number
  readonly from?: string
}

t.test('a message crosses a network to its hosts', { skip: whyNoNamespaces() ?? false }, async (t) => {
  const [here, there] = twoNamespaces(t)
  const hasArrived = ({ value, code }: Line): boolean => value !== undefined || code !== undefined
  const receiver = new NamespaceSide<Line>(t, there, 'broadcast-process.ts', 'receiver')
  const { bound = '' } = await receiver.says((line) => line.bound !== undefined)
  const to = `udp://10.231.7.255:${new URL(bound).port}`
  const sender = new NamespaceSide<Line>(t, here, 'broadcast-process.ts', 'sender', to)
  t.match(await receiver.says(hasArrived), { value: 1, from: /^udp:\/\/10\.231\.7\.1:\d+$/, sequence: 1, lost: 0 })
  t.match(await sender.says(hasArrived), { value: 2, from: /^udp:\/\/10\.231\.7\.2:\d+$/ })
})
