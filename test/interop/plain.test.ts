/** Plain PUB and SUB sockets on the other side of publishers and subscribers with history: they work as without it. */
import t from 'tap'
import * as zmq from 'zeromq'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { systemClock } from '../../src/clock/index.js'
import { Origin } from '../../src/wire/index.js'
import { FrameSource } from '../pubsub/raw-peers.js'
import { turn } from '../support/events.js'
import { Former } from './job.js'
import { framesOf, peer, transports, valuesOf, withPython } from './python.js'

const task = (id: number) => ({ id, text: `task ${id}` })

for (const [transport, open] of Object.entries(transports)) {
  t.test(`a plain SUB socket of Python, and a publisher with history, over ${transport}`, withPython, async (t) => {
    const { bind, remove } = open()
    t.teardown(remove)
    await using publisher = await createPublisher({ bind, history: {} })
    const east = publisher.topic('tasks.east', Former)
    await east.sendAll([task(1), task(2)])
    const seeing = peer({ do: 'subscribe', connect: publisher.endpoint, prefix: 'tasks.', messages: 3 })
    const subscribed = new Promise<void>((resolve) => {
      publisher.subscriptions.subscribe(({ prefix }) => prefix === 'tasks' && resolve())
    })
    await Promise.race([subscribed, seeing])
    await east.retain(task(3))
    await east.clear()
    await east.send(task(4))
    await east.send(task(5))
    const frames = framesOf(await seeing)
    t.strictSame(valuesOf(frames), [task(3), task(4), task(5)])
    t.ok(frames.some(({ header }) => header.kind === 'tombstone'))
    t.strictSame(
      frames.filter(({ values }) => values.length > 0).map(({ header }) => [header.sequence, header.position]),
      frames
        .filter(({ values }) => values.length > 0)
        .map(({ values }) => (values[0] as { id: number }).id)
        .map((id) => [id, id]),
    )
  })

  t.test(`a plain PUB socket, and a subscriber that asks for history, over ${transport}`, async (t) => {
    const { bind, remove } = open()
    t.teardown(remove)
    // it drops nothing: what it has sent is what arrives
    const socket = new zmq.Publisher({ linger: 0, sendHighWaterMark: 0 })
    t.teardown(() => socket.close())
    await socket.bind(bind)
    await using subscriber = await createSubscriber({ connect: socket.lastEndpoint as string })
    const numbers: number[] = []
    const gaps: object[] = []
    let isLive = false
    subscriber.events('tasks.#', Former, { since: 'all' }).subscribe((event) => {
      if (event.kind === 'message') numbers.push(event.sequence)
      else if (event.kind === 'gap') gaps.push(event)
      else if (event.kind === 'live') isLive = true
    })
    // a PUB socket does not see who subscribes: each frame has the schema
    const source = new FrameSource('tasks.east', Former, new Origin(systemClock, -1))
    let sent = 0
    const send = () => socket.send(source.frame(task(++sent)))
    // as many as a subscriber holds and the sockets take
    while (!isLive) {
      if (sent < 500) await send()
      await turn()
    }
    const held = numbers.length
    t.ok(held > 0, 'they have waited for an answer')
    while (numbers.length === held || numbers.at(-1) !== sent) {
      if (numbers.at(-1) === sent) await send()
      await turn()
    }
    const [first = 0] = numbers
    t.strictSame(
      numbers,
      Array.from({ length: sent - first + 1 }, (_, at) => first + at),
    )
    t.match(gaps, first > 1 ? [{ from: 1, to: first - 1, reason: 'unavailable' }] : [])
  })
}
