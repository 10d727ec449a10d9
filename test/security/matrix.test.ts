/** Every role with every key: who is admitted, what the others are told within a second, and what the binding side observes. */

import { firstValueFrom } from 'rxjs'
import t, { type Test } from 'tap'
import * as zmq from 'zeromq'
import { createRuntime, generateKeyPair, type SecurityOptions } from '../../src/index.js'
import { first, until } from '../support/events.js'
import { place, type Transport } from '../support/transports.js'
import { roles as pairs, type Role } from './roles.js'
import { topicRoles } from './topic-roles.js'

const roles: Readonly<Record<string, Role>> = { ...pairs, ...topicRoles }

const server = generateKeyPair()
const alice = generateKeyPair()
const mallory = generateKeyPair()
const elsewhere = generateKeyPair()

const bound: SecurityOptions = { keyPair: server, allow: { alice: alice.publicKey } }
const right: SecurityOptions = { keyPair: alice, serverKey: server.publicKey }

/** What one side has, what the other has, and what comes of it. */
interface Case {
  readonly name: string
  readonly bound?: SecurityOptions
  readonly connecting?: SecurityOptions
  /** What the connecting side reports. */
  readonly code: string
  /** What the binding side observes. */
  readonly reason?: string | RegExp
}

/** Both sides notice another mechanism, and the first one ends the connection: the other sees no more than that. */
const eitherSide = /^(mechanism|incomplete)$/

const cases: readonly Case[] = [
  {
    name: 'an unknown key',
    bound,
    connecting: { keyPair: mallory, serverKey: server.publicKey },
    code: 'RIVULET_UNAUTHENTICATED',
    reason: 'unknown-key',
  },
  { name: 'no key', bound, code: 'RIVULET_SECURITY_MISMATCH', reason: eitherSide },
  { name: 'a server without security', connecting: right, code: 'RIVULET_SECURITY_MISMATCH' },
  {
    name: 'another server key',
    bound,
    connecting: { keyPair: alice, serverKey: elsewhere.publicKey },
    code: 'RIVULET_SERVER_KEY_MISMATCH',
    reason: 'server-key',
  },
  {
    name: 'several other server keys',
    bound,
    connecting: { keyPair: alice, serverKey: [elsewhere.publicKey, mallory.publicKey, alice.publicKey] },
    code: 'RIVULET_SERVER_KEY_MISMATCH',
    reason: 'server-key',
  },
  {
    name: 'a guard that throws',
    bound: {
      keyPair: server,
      allow: () => {
        throw new Error('no database')
      },
    },
    connecting: right,
    code: 'RIVULET_ADMISSION_UNAVAILABLE',
    reason: 'unavailable',
  },
]

async function openPair(t: Test, role: Role, transport: Transport, one: Omit<Case, 'name' | 'code'>) {
  const { runtime, bind } = place(t, transport)
  const security = (given: SecurityOptions | undefined) => (given === undefined ? {} : { security: given })
  const accepting = await role.bind({ bind, runtime, ...security(one.bound) })
  const observed =
    one.reason === undefined ? undefined : first(accepting.securityEvents, (event) => event.kind === 'refused')
  accepting.errors.subscribe()
  const connecting = await role.connect({ connect: accepting.endpoint, runtime, ...security(one.connecting) })
  return { accepting, connecting, observed }
}

for (const [name, role] of Object.entries(roles)) {
  for (const transport of ['tcp', 'ipc'] as const) {
    t.test(`${name} over ${transport}: the right key is admitted, also beside a former server key`, async (t) => {
      const keys = [server.publicKey, [elsewhere.publicKey, server.publicKey]]
      for (const serverKey of keys) {
        const pair = await openPair(t, role, transport, { bound, connecting: { keyPair: alice, serverKey } })
        const errors: string[] = []
        pair.connecting.errors.subscribe(({ code }) => errors.push(code))
        await Promise.all([pair.connecting.whenConnected(), pair.accepting.whenConnected()])
        t.strictSame(errors, [])
        await pair.connecting.close()
        await pair.accepting.close()
      }
    })

    for (const one of cases) {
      t.test(`${name} over ${transport}: ${one.name}`, async (t) => {
        const { accepting, connecting, observed } = await openPair(t, role, transport, one)
        const error = await firstValueFrom(connecting.errors)
        t.equal(error.code, one.code)
        if (one.reason !== undefined) t.match((await observed)?.reason, one.reason)
        t.strictSame([accepting.connected, connecting.connected], [0, 0])
        await t.rejects(connecting.whenConnected({ timeoutMs: 0 }), {
          code: 'RIVULET_TIMEOUT',
          message: new RegExp(`: ${escaped(error.message.replace(others, ''))}$`),
        })
        await Promise.all([accepting.close({ timeoutMs: 0 }), connecting.close({ timeoutMs: 0 })])
      })
    }
  }
}

t.test('a guard that does not answer: the peer is told within a second', async (t) => {
  const never: SecurityOptions = { keyPair: server, allow: () => new Promise<boolean>(() => {}) }
  const role = roles['push, pull'] as Role
  const { connecting, observed } = await openPair(t, role, 'tcp', {
    bound: never,
    connecting: right,
    reason: 'unavailable',
  })
  t.equal((await firstValueFrom(connecting.errors)).code, 'RIVULET_ADMISSION_UNAVAILABLE')
  t.equal((await observed)?.reason, 'unavailable')
})

t.test('PLAIN is refused as every other mechanism', async (t) => {
  for (const [name, role] of Object.entries(roles)) {
    const { runtime, bind } = place(t, 'tcp')
    const accepting = await role.bind({ bind, runtime, security: bound })
    accepting.errors.subscribe()
    const observed = first(accepting.securityEvents)
    const plain = new zmq.Dealer({ linger: 0, plainUsername: 'alice', plainPassword: 'secret' })
    plain.connect(accepting.endpoint)
    const { kind, reason } = await observed
    t.match(reason, eitherSide)
    t.strictSame([kind, accepting.connected], ['refused', 0], name)
    plain.close()
    await accepting.close()
  }
})

t.test(
  'two servers of one runtime with other lists, and one of another runtime, admit their own peers alone',
  async (t) => {
    const { runtime } = place(t, 'tcp')
    const second = createRuntime()
    t.teardown(() => second.close({ drain: false }))
    const role = roles['push, pull'] as Role
    const allowed = [alice, mallory, elsewhere]
    const open = ({ publicKey }: { publicKey: string }, at: number) =>
      role.bind({
        bind: 'tcp://127.0.0.1:*',
        runtime: at === 2 ? second : runtime,
        security: { keyPair: server, allow: [publicKey] },
      })
    const servers = await Promise.all(allowed.map(open))
    for (const accepting of servers) accepting.errors.subscribe()
    for (const [at, accepting] of servers.entries()) {
      for (const [key, keyPair] of allowed.entries()) {
        const security = { keyPair, serverKey: server.publicKey }
        const connecting = await role.connect({ connect: accepting.endpoint, runtime, security })
        if (key === at) await connecting.whenConnected()
        else t.equal((await firstValueFrom(connecting.errors)).code, 'RIVULET_UNAUTHENTICATED')
        await connecting.close()
      }
    }
  },
)

t.test('a runtime that uses the context of a closed one asks its own guard, and admits by it', async (t) => {
  const role = roles['push, pull'] as Role
  for (const keyPair of [alice, mallory, elsewhere, alice]) {
    const runtime = createRuntime({ maxSockets: 77 })
    const accepting = await role.bind({
      bind: 'tcp://127.0.0.1:*',
      runtime,
      security: { keyPair: server, allow: [keyPair.publicKey] },
    })
    accepting.errors.subscribe()
    const connect = (key: typeof alice) =>
      role.connect({ connect: accepting.endpoint, runtime, security: { keyPair: key, serverKey: server.publicKey } })
    const admitted = await connect(keyPair)
    await admitted.whenConnected()
    const refused = await connect(generateKeyPair())
    t.equal((await firstValueFrom(refused.errors)).code, 'RIVULET_UNAUTHENTICATED')
    await runtime.close({ drain: false })
  }
})

t.test('with security, what other machines can reach needs no `insecure`', async (t) => {
  const { runtime } = place(t, 'tcp')
  const role = roles['push, pull'] as Role
  const accepting = await role.bind({ bind: 'tcp://0.0.0.0:*', runtime, security: bound })
  const connect = accepting.endpoint.replace('0.0.0.0', '127.0.0.1')
  const connecting = await role.connect({ connect, runtime, security: right })
  await connecting.whenConnected()
  t.equal(connecting.connected, 1)
})

t.test('endpoints carry the keys of their servers', async (t) => {
  const { runtime } = place(t, 'tcp')
  const role = roles['push, pull'] as Role
  const keyPairs = [generateKeyPair(), generateKeyPair(), generateKeyPair()]
  const servers = await Promise.all(
    keyPairs.map((keyPair) => role.bind({ bind: 'tcp://127.0.0.1:*', runtime, security: { ...bound, keyPair } })),
  )
  for (const accepting of servers) accepting.errors.subscribe()
  const connect = servers.map(({ endpoint }, at) => {
    const { publicKey } = keyPairs[at] as typeof server
    return at === 0 ? endpoint : { address: endpoint, serverKey: at === 1 ? publicKey : [alice.publicKey, publicKey] }
  })
  const security = { keyPair: alice, serverKey: (keyPairs[0] as typeof server).publicKey }
  const connecting = await role.connect({ connect, runtime, security })
  await until(() => connecting.connected === 3)
  t.equal(connecting.connected, 3)
})

/** What is added if the first refusals came before a hub was open, and its errors could be observed. */
const others = / \(and \d+ others since the last report\)$/

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
