/** Outcomes that wait for a peer without room, on real sessions: calls whose requests may go on cost no more than others. */
import t from 'tap'
import { serviceOf } from '../../src/avro/service-codec.js'
import { callKind } from '../../src/call/call-kinds.js'
import { CallClient, CallHost, defaultCallOptions } from '../../src/call/index.js'
import { CallBind } from '../../src/call/schemas.js'
import { RecordBody } from '../../src/session/index.js'
import { itemFlag } from '../../src/session/item.js'
import type { Session } from '../../src/session/session.js'
import { LinkPair, settings } from '../session/link-pair.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { Numbers } from './calling.js'

const codec = serviceOf(Numbers)
const calls = 3000

/** A client that calls methods without agreement, and a server, that send no more than 64 KiB without acknowledgement. */
function open() {
  const host = new CallHost([{ codec, handlers: new Map() }], { clock: new VirtualClock(), report() {} })
  const served: Session[] = []
  const pair = new LinkPair({
    dialer: { limits: { ...settings.limits, windowBytes: 65_536 } },
    onAccepted: (session) => {
      served.push(session as Session)
      return host.accept(session, { id: 'client', identity: undefined, dialed: undefined })
    },
  }).connect()
  const record = { binding: 0, service: codec.name, hash: Buffer.from(codec.hash, 'hex'), firstMethod: 0 }
  pair.client.session.send(0, callKind.bind, 0, new RecordBody(CallBind, record))
  pair.settle()
  pair.client.items.length = 0
  const server = served[0] as Session
  return { pair, server, request: (flags: number) => request(pair, flags) }
}

/** Calls whose requests arrive, while nothing that the server sends does. */
function request(pair: LinkPair, flags: number): void {
  const { session } = pair.client
  for (let call = 0; call < calls; call++) {
    pair.client.send(session.openStream(), Buffer.from([99, 0, 0, 0]), flags, callKind.request)
    if (call % 100 === 99) arrive(pair)
  }
}

function arrive(pair: LinkPair): void {
  pair.flush()
  for (const frame of pair.toAcceptor.splice(0)) pair.acceptor.receive(pair.peer, frame)
  pair.flush()
}

for (const [name, flags] of [
  ['calls with one request', itemFlag.last],
  ['calls whose requests may go on', 0],
] as const) {
  t.test(`refusals of ${name} are counted once where they wait, and all leave`, async (t) => {
    const { pair, server, request } = open()
    request(flags)
    const { backlog } = server
    t.ok(backlog > calls / 4 && backlog <= calls, `${backlog} wait, of ${calls}`)
    pair.settle()
    t.equal(pair.client.items.length, calls)
    t.ok(pair.client.items.every(({ kind }) => kind === callKind.failure))
    t.equal(new Set(pair.client.items.map(({ stream }) => stream)).size, calls)
    t.strictSame([server.backlog, server.streamStates], [1, 2], 'nothing is remembered but stream 0')
  })
}

t.test('answers of calls that were cancelled while they waited leave, and harm nobody', async (t) => {
  const errors: unknown[] = []
  const ports = { clock: new VirtualClock(), name: () => 'client', report: (error: unknown) => errors.push(error) }
  const client = new CallClient({ ...ports, failoverMs: 1000 })
  const service = client.bind(codec)
  const host = new CallHost(
    [{ codec, handlers: new Map([['text', ({ text }: { text: string }) => text.repeat(100)]] as never) }],
    ports,
  )
  const sessions: Session[] = []
  const pair = new LinkPair({
    dialer: { limits: { ...settings.limits, windowBytes: 65_536 } },
    onDialed: (session) => {
      sessions.push(session as Session)
      return client.accept(session)
    },
    onAccepted: (session) => {
      sessions.push(session as Session)
      return host.accept(session, { id: 'client', identity: undefined, dialed: undefined })
    },
  }).connect()
  const outcomes: unknown[] = []
  const note = (outcome: unknown) => outcomes.push(outcome)
  const start = (text: string) =>
    client.start(service.methods.get('text') as never, { text }, defaultCallOptions, note, note)
  start('1')
  pair.settle()
  const [dialed, accepted] = sessions as [Session, Session]
  const started = Array.from({ length: calls }, () => start('a'))
  arrive(pair)
  const { backlog } = accepted
  t.ok(backlog > 100, `${backlog} answers wait`)
  for (const call of started) call.cancel()
  arrive(pair)
  t.equal(accepted.backlog, backlog, 'they are not dropped')
  pair.settle()
  t.strictSame(
    outcomes.slice(1).map((outcome) => (outcome as { code: string }).code),
    started.map(() => 'RIVULET_CANCELLED'),
  )
  start('4')
  pair.settle()
  t.strictSame([outcomes[0], outcomes.at(-1), errors], ['1'.repeat(100), '4'.repeat(100), []], 'the link goes on')
  const states = [dialed, accepted].map(({ backlog, streamStates }) => [backlog, streamStates])
  t.strictSame(
    states,
    [
      [1, 2],
      [1, 2],
    ],
    'nothing is remembered but stream 0',
  )
})
