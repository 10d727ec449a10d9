/** `multicast.loopback`: whether sockets of the same machine, the sender included, receive what a socket sends to its group. */
import t from 'tap'
import { NamespaceSide } from './namespace-side.js'
import { twoNamespaces, whyNoNamespaces } from './netns.js'

interface Line {
  readonly silent: readonly number[]
  readonly heard: readonly number[]
}

const group = 'udp://239.9.8.9:5009'

t.test('without it no socket of the machine receives a message', { skip: whyNoNamespaces() ?? false }, async (t) => {
  const [here] = twoNamespaces(t)
  const side = new NamespaceSide<Line>(t, here, 'loopback-process.ts', group, here.device)
  const { silent, heard } = await side.says(() => true)
  t.strictSame(silent, [2], 'the messages of others arrive, and its own do not')
  t.strictSame(heard, [2], 'its own arrive, and those of a socket without loopback do not')
})

t.test('over the loopback interface all sockets receive it', { skip: whyNoNamespaces() ?? false }, async (t) => {
  const [here] = twoNamespaces(t)
  const side = new NamespaceSide<Line>(t, here, 'loopback-process.ts', group, '127.0.0.1')
  const { silent, heard } = await side.says(() => true)
  t.strictSame([silent[0], heard[0]], [1, 1])
})
