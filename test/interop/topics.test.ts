/** Publish and subscribe with a Python program on the other side, which was written from docs/reference/protocol alone. */
import { filter, firstValueFrom } from 'rxjs'
import t from 'tap'
import { createPublisher, createSubscriber, type Publisher } from '../../patterns/pubsub/index.js'
import { Former, Job, jobs, Later } from './job.js'
import { framesOf, peer, type SeenAnswer, transports, valuesOf, withPython } from './python.js'

/** Resolves when somebody subscribed to a prefix; rejects with the failure of the peer that should. */
async function subscribed(publisher: Publisher, prefix: string, peers: Promise<unknown>): Promise<void> {
  const subscription = publisher.subscriptions.pipe(
    filter((change) => change.kind === 'subscribed' && change.prefix === prefix),
  )
  await Promise.race([firstValueFrom(subscription), peers])
}

const tasks = [1, 2, 3, 4].map((id) => ({ id, text: `task ${id}` }))

for (const [transport, open] of Object.entries(transports)) {
  t.test(`a plain SUB socket of Python takes topics, over ${transport}`, withPython, async (t) => {
    const { bind, remove } = open()
    t.teardown(remove)
    await using publisher = await createPublisher({ bind })
    const east = publisher.topic('jobs.east', Job)
    const west = publisher.topic('jobs.west', Job)
    const elsewhere = publisher.topic('jobsets.east', Job)
    // what nobody has subscribed is published too: the numbers count it
    for (const job of jobs) elsewhere.next(job)
    await elsewhere.send(jobs[0] as Job)
    const seeing = peer({ do: 'subscribe', connect: publisher.endpoint, prefix: 'jobs.', messages: 2 * jobs.length })
    await subscribed(publisher, 'jobs', seeing)
    for (const job of jobs) {
      east.next(job)
      elsewhere.next(job)
    }
    for (const job of jobs) west.next(job)
    const frames = framesOf(await seeing)
    for (const topic of ['jobs.east.', 'jobs.west.']) {
      const ofTopic = frames.filter((frame) => frame.topic === topic)
      t.strictSame(valuesOf(ofTopic), jobs, topic)
      const [first] = ofTopic
      t.match(first?.header, { announced: true, fingerprint: true, sequence: 1, previous: 0 })
    }
    t.equal(valuesOf(frames).length, 2 * jobs.length, 'nothing of jobsets.')
    const positions = frames.map(({ header }) => header.position)
    t.ok(
      positions.every((position) => position > jobs.length + 1),
      'positions count all topics',
    )
    t.equal(new Set(frames.map(({ header }) => header.source.toString('hex'))).size, 1)
  })

  t.test(`an XSUB socket of Python asks whether it is subscribed, over ${transport}`, withPython, async (t) => {
    const { bind, remove } = open()
    t.teardown(remove)
    await using publisher = await createPublisher({ bind })
    const topic = publisher.topic('tasks.new', Former)
    for (const task of tasks) topic.next(task)
    // its prefix is empty, so that the inboxes of others come, too
    const seeing = peer({ do: 'subscribe-ready', connect: publisher.endpoint, prefix: '', messages: tasks.length })
    await using other = await createSubscriber({ connect: publisher.endpoint })
    await other.whenReady({ publishers: 1 })
    await subscribed(publisher, '', seeing)
    for (const task of tasks) topic.next(task)
    const seen = await seeing
    const answer = seen.find((line) => (line as SeenAnswer).ready) as SeenAnswer | undefined
    const [frame] = framesOf(seen).filter(({ values }) => values.length > 0)
    t.ok(answer, 'the publisher answered')
    t.strictSame(answer?.source, frame?.header.source)
    t.strictSame(valuesOf(seen), tasks)
    t.match(frame?.header, { sequence: tasks.length + 1, position: tasks.length + 1, previous: tasks.length })
    t.ok([tasks.length, 2 * tasks.length].includes(answer?.position ?? 0))
  })

  t.test(`an XPUB socket of Python publishes and answers, over ${transport}`, withPython, async (t) => {
    const { bind, remove } = open()
    t.teardown(remove)
    await using subscriber = await createSubscriber({ bind })
    const [first, second, third, fourth] = tasks
    const frames = [{ blocks: [[first], [second]] }, { blocks: [[third]], lose: true }, { blocks: [[fourth]] }]
    const events = subscriber.events('tasks.*', Later)
    const seen: object[] = []
    const done = (async () => {
      for await (const event of events) if (seen.push(event) === 4) break
    })()
    const schema = JSON.stringify(Former.json)
    const command = { connect: subscriber.endpoint, prefix: 'tasks.', topic: 'tasks.new.', schema, frames }
    const publishing = peer({ do: 'publish', ...command })
    await Promise.race([subscriber.whenReady({ publishers: 1 }), publishing])
    await Promise.race([done, publishing.then(() => done)])
    const [{ source }] = (await publishing) as [SeenAnswer]
    const place = { topic: 'tasks.new', publisher: source.toString('hex') }
    const message = (index: number, sequence: number) => {
      const value = { ...tasks[index], owner: null }
      return { kind: 'message', ...place, sequence, value }
    }
    t.match(seen, [
      message(0, 1),
      message(1, 2),
      { kind: 'gap', ...place, from: 3, to: 3, reason: 'lost' },
      message(3, 4),
    ])
    t.match(subscriber.stats(), { received: 3, delivered: 3, gaps: 1, missed: 1, rejectedFrames: {} })
  })
}
