/** Peers that take more sessions, calls or memory than is theirs, or the session of somebody else. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { ChildPlant } from '../support/child-plant.js'
import { until } from '../support/events.js'
import { flags, kinds, LinkStranger, long, requestBody } from '../support/link-stranger.js'
import { Plant } from '../support/plant.js'
import { place } from '../support/transports.js'
import { agreed, announce, besieged, method } from './hostile.js'
import { failure, Lab } from './lab.js'

const request = (stream: number, number: number, body: Buffer) => ({
  stream,
  kind: kinds.request,
  flags: flags.last,
  body: requestBody(number, body),
})

t.test('more sessions than there are places', async (t) => {
  const { server, codes, stranger, unharmed } = await besieged(t, { maxSessions: 8 })
  await until(() => server.stats().sessions === 1)
  const inside = await Promise.all(Array.from({ length: 7 }, () => stranger().enter()))
  const outside = Array.from({ length: 20 }, stranger)
  for (const one of outside) {
    await one.hello()
    t.equal(await one.refused(), 'too-many-sessions')
  }
  t.equal(server.stats().sessions, 8)
  t.ok(codes.includes('RIVULET_TOO_MANY_SESSIONS'))
  // a connection that begins one session after the other has but one
  for (let count = 0; count < 100; count++) await inside[0]?.enter({ session: randomBytes(16) })
  t.equal(server.stats().sessions, 8)
  // who is cut gives place to who comes
  const { strayFrames } = server.stats()
  inside[1]?.close()
  let entered: LinkStranger | undefined
  while (entered === undefined) {
    const one = stranger()
    await one.hello()
    const answer = await one.answer(() => true)
    if (answer.kind === 6) entered = one
    else one.close()
  }
  t.equal(server.stats().sessions, 8)
  t.ok(server.stats().strayFrames >= strayFrames)
  await unharmed(t)
})

t.test('a client that is refused for want of room gets in when there is some', async (t) => {
  const { server, stranger, unharmed } = await besieged(t, { maxSessions: 2 })
  const one = await stranger().enter()
  const { runtime } = place(t, 'tcp')
  const late = await createRpcClient(Lab, { connect: server.endpoint, runtime })
  const codes: string[] = []
  late.errors.subscribe(({ code }) => codes.push(code))
  const call = late.promises.get({ id: 3 })
  await until(() => codes.includes('RIVULET_TOO_MANY_SESSIONS'))
  t.match(await failure(late.promises.get({ id: 1 }, { waitForReady: false })), {
    code: 'RIVULET_UNAVAILABLE',
    executed: 'no',
  })
  one.close()
  t.equal((await call).id, 3)
  await unharmed(t)
})

t.test('a session that somebody else says hello for', async (t) => {
  const { server, stranger, unharmed } = await besieged(t)
  const owner = await agreed(stranger())
  // without `resume` it is refused, and the owner keeps it
  const clumsy = stranger()
  const { strayFrames } = server.stats()
  await clumsy.hello({ session: owner.session, connection: 2 })
  await until(() => server.stats().strayFrames > strayFrames)
  await owner.items([request(1, method.get, long(1))])
  t.equal((await owner.item(kinds.item)).stream, 1)
  // an earlier connection is ignored
  await clumsy.hello({ session: owner.session, connection: 1, resume: true, received: owner.received })
  await owner.items([request(3, method.get, long(1))])
  t.equal((await owner.item(kinds.item)).stream, 3)
  // whoever knows the number, which is a secret of the two, takes the session over; its owner is told
  const thief = stranger()
  await thief.hello({ session: owner.session, connection: 2, resume: true, received: owner.received })
  t.match(await thief.answer(({ kind }) => kind === 6), { resumed: true, received: owner.sequence })
  t.equal(await owner.refused(), 'superseded')
  await owner.items([request(5, method.get, long(1))])
  t.equal(await owner.refused(), 'unknown-session', 'what the owner still sends goes nowhere')
  // a claim to have received what was never sent ends it
  const liar = stranger()
  await liar.hello({ session: owner.session, connection: 3, resume: true, received: 1_000_000 })
  await until(() => server.stats().sessions === 1)
  await unharmed(t)
})

t.test('a number that is guessed', async (t) => {
  const { server, stranger, unharmed } = await besieged(t)
  for (let count = 0; count < 200; count++) {
    const one = stranger()
    await one.hello({ resume: true, received: 5 })
    t.equal(await one.refused(), 'unknown-session')
    one.close()
  }
  t.equal(server.stats().sessions, 1)
  await unharmed(t)
})

t.test('calls without end, streams that nobody reads, and fragments: the memory of the process', async (t) => {
  const { runtime } = place(t, 'tcp')
  const plant = await ChildPlant.start({ server: { maxMessageBytes: 4_194_304 } })
  t.teardown(() => plant.kill())
  const honest = await createRpcClient(Plant, { connect: plant.endpoint, runtime })
  let calls = 0
  const stillWell = async () => {
    for (let count = 0; count < 20; count++) t.equal(await honest.promises.quick({ id: calls++ }), calls - 1)
  }
  await stillWell()
  const before = await honest.promises.peakMb()
  const numbers = [...Object.keys(JSON.parse(announce.plant.text).messages)]
  const enter = async () => {
    const one = await LinkStranger.open(t, plant.endpoint).enter()
    await one.items([announce.plant.item])
    await one.item(kinds.bound)
    return one
  }

  // calls that are never answered, ten times what a client may have open
  const greedy = await enter()
  const hold = numbers.indexOf('hold')
  for (let stream = 1; stream < 160_000; stream += 1000) {
    await greedy.items(Array.from({ length: 1000 }, (_, at) => request(stream + at, hold, long(1))))
  }
  await greedy.item(kinds.failure)
  await stillWell()

  // endless streams whose items are neither taken nor acknowledged
  const silent = await enter()
  const items = numbers.indexOf('items')
  const endless = Buffer.concat([long(2_000_000_000), long(10_000)])
  const acknowledged = silent.received
  await silent.items(
    Array.from({ length: 2000 }, (_, at) => request(at + 1, items, endless)),
    { acknowledged },
  )
  await stillWell()

  // fragments of many items that never end
  const pieces = await enter()
  const fragment = { kind: kinds.request, flags: flags.more, body: Buffer.alloc(60_000) }
  for (let stream = 1; stream < 400; stream++) await pieces.items([{ ...fragment, stream }])
  t.equal(await pieces.refused(), 'violation')
  await stillWell()

  const grownMb = (await honest.promises.peakMb()) - before
  t.comment(`the server grew by ${grownMb.toFixed(0)} MB`)
  t.ok(grownMb < 300, `the server grew by ${grownMb.toFixed(0)} MB`)
  t.ok(plant.alive)
  t.equal(honest.stats().failed, 0)
  const stats = JSON.parse(await honest.promises.stats())
  t.ok(stats.refused > 0, JSON.stringify(stats))
})
