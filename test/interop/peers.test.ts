/** Named peers with a Python program on the other side, which was written from docs/reference/protocol alone. */
import { filter, firstValueFrom, take, toArray } from 'rxjs'
import t from 'tap'
import { createPeer, defineAsk } from '../../patterns/messaging/index.js'
import { codecOf } from '../../src/avro/codec.js'
import { defineSchema } from '../../src/avro/index.js'
import { codesOf } from '../support/events.js'
import { peer, transports, withPython } from './python.js'

const Report = defineSchema({
  type: 'record',
  name: 'Report',
  namespace: 'interop',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'text', type: 'string' },
  ],
})
const Note = defineSchema({
  type: 'record',
  name: 'Note',
  namespace: 'interop',
  fields: [{ name: 'id', type: 'long' }],
})

/** An ask as Python has it: a protocol of its own, with other names and another order. */
const protocol = JSON.stringify({
  protocol: 'Times',
  namespace: 'snake',
  messages: { ask: { response: 'long', request: [{ name: 'query', type: 'long' }] } },
})
const twice = defineAsk('twice', defineSchema('long'), defineSchema('long'))
const triple = defineAsk('triple', defineSchema('int'), defineSchema('double'))

for (const [transport, open] of Object.entries(transports)) {
  t.test(`a Python peer claims a name, sends, takes, asks and answers, over ${transport}`, withPython, async (t) => {
    const { bind, remove } = open()
    t.teardown(remove)
    await using planner = await createPeer({ name: 'planner', bind })
    const codes = codesOf(planner)
    const second = await createPeer({ name: 'second', over: planner })
    const froms: string[] = []
    planner.answer(twice, (n, { from }) => {
      froms.push(from.name)
      return n * 2
    })
    const reports = firstValueFrom(planner.deliveries(Report).pipe(take(3), toArray()))
    const notes = firstValueFrom(planner.deliveries(Note).pipe(take(1), toArray()))
    const seen = firstValueFrom(
      planner.presence.pipe(
        filter((event) => 'peer' in event),
        take(3),
        toArray(),
      ),
    )
    const values = [1, 2].map((id) => ({ id, text: `Ä ${id}` }))
    const asks = [
      { to: 'planner', ask: 'twice', protocol, query: 21 },
      { to: 'planner', ask: 'twice', protocol, query: 4, sender: 2 },
      { to: 'planner', ask: 'twice', protocol, query: 5 },
    ]
    const running = peer({
      do: 'join',
      connect: planner.endpoint,
      name: 'python',
      answers: [{ ask: 'triple', protocol, times: 3 }],
      sends: [
        { to: 'planner', schema: codecOf(Report).text, values },
        { to: 'planner', schema: codecOf(Note).text, values: [{ id: 7 }] },
        { to: 'planner', schema: codecOf(Report).text, values: [{ id: 3, text: '' }] },
      ],
      asks,
      messages: 4,
      queries: 2,
    })
    const sent = Promise.all([
      planner.send('python', Report, { id: 1, text: 'ö' }),
      planner.send('python', Note, { id: 2 }),
      planner.send('python', Report, { id: 3, text: '' }),
      second.send('python', Report, { id: 4, text: 'from another' }),
    ])
    const answers = Promise.all([planner.ask('python', triple, 14), second.ask('python', triple, -1)])
    t.strictSame(await answers, [42, -3])
    await sent
    const [who, ...rest] = (await running) as unknown as readonly [{ incarnation: string }, ...object[]]
    t.match(who, { peers: ['planner', 'second'], incarnation: /^[0-9a-f]{32}$/ })
    const invalid = { failure: { code: 'RIVULET_INVALID_REQUEST', executed: 'no' } }
    t.match(rest.slice(0, 6), [
      { sequence: 1, taken: [{ number: 1 }], refused: [] },
      { sequence: 3, taken: [{ number: 1 }], refused: [] },
      { sequence: 4, taken: [{ number: 1 }], refused: [] },
      { value: 42 },
      invalid,
      { value: 10 },
    ])
    const from = { name: 'python', incarnation: who.incarnation, identity: undefined }
    t.match(
      (await reports).map(({ sequence, ...one }) => ({ from: one.from, sequence, value: one.value })),
      [
        { from, sequence: 1, value: values[0] },
        { from, sequence: 2, value: values[1] },
        { from, sequence: 4, value: { id: 3, text: '' } },
      ],
    )
    t.match(await notes, [{ from, sequence: 3, value: { id: 7 } }])
    const last = rest.at(-1) as {
      readonly messages: readonly { from: string; sequence: number }[]
      readonly asked: readonly object[]
    }
    t.match(
      last.messages.filter((one) => one.from === 'planner'),
      [
        { sequence: 1, value: { id: 1, text: 'ö' } },
        { sequence: 2, value: { id: 2 } },
        { sequence: 3, value: { id: 3, text: '' } },
      ],
    )
    t.match(
      last.messages.filter((one) => one.from === 'second'),
      [{ sequence: 1, value: { id: 4, text: 'from another' } }],
    )
    t.strictSame(new Set(last.asked.map((one) => JSON.stringify(one))).size, 2)
    t.strictSame(froms, ['python', 'python'])
    t.match(
      (await seen).map((event) => ('peer' in event ? `${event.kind} ${event.peer.name}` : '')),
      ['joined second', 'joined python', 'left python'],
    )
    t.strictSame(codes, [], 'nothing was wrong')
  })
}
