/** Planted secrets: neither a secret key nor a payload is in an error, an event, a message of a channel, or an inspection. */
import { createPrivateKey } from 'node:crypto'
import { channel } from 'node:diagnostics_channel'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { firstValueFrom, merge } from 'rxjs'
import t, { type Test } from 'tap'
import * as zmq from 'zeromq'
import { createHub, createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { createProducer, createQueueHost } from '../../patterns/queue/index.js'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { connectStream, createStreamListener, lines, reconnectStream } from '../../patterns/socket/index.js'
import { defineSchema, defineService } from '../../src/avro/index.js'
import { generateKeyPair, type Resource, type SecurityOptions } from '../../src/index.js'
import { Authority } from '../support/certificates.js'
import { first, until } from '../support/events.js'
import { place } from '../support/transports.js'

const server = generateKeyPair()
const alice = generateKeyPair()
const mallory = generateKeyPair()
const elsewhere = generateKeyPair()
const planted = 'a-payload-that-nobody-must-see'

const Notes = defineService({
  protocol: 'Notes',
  messages: {
    write: { request: [{ name: 'text', type: 'string' }], response: 'string' },
    read: { request: [{ name: 'text', type: 'string' }], response: 'string' },
  },
})
const Note = defineSchema('string')

/** What a value says of itself, at every depth. */
const said = (value: unknown): string => inspect(value, { depth: 12, showHidden: true, maxStringLength: null })

/** Sees everything that resources and channels show from now on. */
function watching(t: Test) {
  const seen: string[] = []
  const see = (value: unknown) => seen.push(said(value), String(value))
  for (const name of ['rivulet:error', 'rivulet:drop', 'rivulet:link', 'rivulet:security']) {
    channel(name).subscribe(see)
    t.teardown(() => channel(name).unsubscribe(see))
  }
  const watch = <R extends Resource>(resource: R): R => {
    merge(resource.errors, resource.links, resource.securityEvents).subscribe(see)
    see(resource)
    see(resource.stats())
    return resource
  }
  return { seen, see, watch }
}

t.test('secrets stay where they are', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const { seen, see, watch } = watching(t)
  const outcome = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => undefined,
      (error: unknown) => {
        see(error)
        return (error as { code?: string }).code
      },
    )
  const allow = async (key: string) => {
    if (key === mallory.publicKey) throw new Error('no decision about this one')
    return key === alice.publicKey ? 'alice' : false
  }
  const security: SecurityOptions = {
    // a pair that was not made here hides nothing by itself
    keyPair: { ...server },
    allow,
    policy: ({ target }) => {
      if (target === 'Notes.read') throw new Error('no rule for this one')
      return target !== 'secrets'
    },
  }
  const as = ({ publicKey, secretKey }: typeof alice, serverKey = server.publicKey): SecurityOptions => ({
    keyPair: { publicKey, secretKey },
    serverKey,
  })
  const write = () => {
    throw new Error('a handler that fails')
  }
  const services = [implement(Notes, { write, read: write })]
  const calls = watch(await createRpcServer({ bind, runtime, services, security }))
  const connect = calls.endpoint
  const client = watch(await createRpcClient(Notes, { connect, runtime, security: as(alice) }))
  t.equal(await outcome(firstValueFrom(client.write({ text: planted }))), 'RIVULET_INTERNAL')
  t.equal(await outcome(firstValueFrom(client.read({ text: planted }))), 'RIVULET_PERMISSION_DENIED')

  const refusals = {
    RIVULET_ADMISSION_UNAVAILABLE: as(mallory),
    RIVULET_UNAUTHENTICATED: as(elsewhere),
    RIVULET_SERVER_KEY_MISMATCH: as(alice, elsewhere.publicKey),
  }
  for (const [code, security] of Object.entries(refusals)) {
    const refused = watch(await createRpcClient(Notes, { connect, runtime, security }))
    see(await first(refused.errors, (error) => error.code === code))
  }

  const host = watch(
    await createQueueHost({ bind: 'tcp://127.0.0.1:*', runtime, store: 'memory', queues: { secrets: {} }, security }),
  )
  const queue = { connect: host.endpoint, runtime, queue: 'secrets', schema: Note, security: as(alice) }
  const producer = watch(await createProducer(queue))
  t.equal(await outcome(producer.send(planted)), 'RIVULET_PERMISSION_DENIED')
  const swapped = { publicKey: alice.secretKey, secretKey: alice.publicKey }
  const wrong = [
    { keyPair: swapped, serverKey: server.publicKey },
    { keyPair: alice, serverKey: `${alice.secretKey}x` },
    { keyPair: alice, [alice.secretKey]: 1 },
  ]
  for (const security of wrong) {
    t.equal(await outcome(createRpcClient(Notes, { connect, runtime, security } as never)), 'RIVULET_INVALID_OPTION')
  }
  for (const one of [calls, client, host, producer, runtime]) see(one)

  const text = seen.join('\n')
  t.ok(text.includes('RIVULET_PERMISSION_DENIED') && text.includes(alice.publicKey), 'what may be seen was seen')
  t.notOk(text.includes(planted), 'the payload')
  for (const [name, { secretKey }] of Object.entries({ server, alice, mallory, elsewhere })) {
    t.notOk(text.includes(secretKey), `the secret key of ${name}`)
  }
})

t.test('keys of TLS, passphrases and messages stay where they are', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const { seen, see, watch } = watching(t)
  const authority = new Authority()
  const { ca } = authority
  const other = new Authority('Another Authority')
  const file = join(t.testdir(), 'server.pem')
  const passphrase = 'a-passphrase-that-nobody-must-see'
  const local = authority.issue({ names: ['IP:127.0.0.1'] })
  const encrypt = (key: string) =>
    createPrivateKey(key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString()
  const key = encrypt(local.key)
  writeFileSync(file, local.cert + key, { mode: 0o600 })
  const framing = lines()
  const tls = { certFile: file, keyFile: file, passphrase, ca, requestCert: true }
  const listener = watch(await createStreamListener({ framing, bind, tls, runtime }))
  listener.connections.subscribe((connection) => watch(connection).messages.subscribe(connection))
  const connect = listener.endpoint

  const [alice, mallory] = [authority.issue({ name: 'alice' }), other.issue({ name: 'mallory' })]
  const client = watch(await connectStream({ framing, connect, tls: { ...alice, ca }, runtime }))
  const echo = first(client.messages)
  await client.send(planted)
  t.equal(await echo, planted)
  await client.send(`${planted}\n`).catch(see) // no line
  const refused = watch(await connectStream({ framing, connect, tls: { ...mallory, ca }, runtime }))
  see(await refused.whenEnded)
  const backoff = { initialMs: 1, maxMs: 10 }
  const untrusting = watch(await reconnectStream({ framing, connect, tls: { ...alice }, backoff, runtime }))
  see(await first(untrusting.errors))
  await until(() => listener.refusedConnections >= 2)
  for (const broken of [key, `${planted}\n${local.cert}`, local.cert + encrypt(mallory.key)]) {
    writeFileSync(file, broken)
    const report = first(listener.errors, ({ code }) => code === 'RIVULET_TLS_FILE')
    await (await connectStream({ framing, connect, tls: { ...alice, ca }, runtime })).close()
    see(await report)
  }
  const wrong = [
    { ...tls, passphrase: `${passphrase}x` },
    { cert: local.cert, key: passphrase },
    { cert: local.key, key: local.key },
    { ...local, passphrase: { passphrase } },
    { ...local, ca: local.key, requestCert: true },
    { ...local, ciphers: passphrase },
  ]
  for (const one of wrong) {
    see(await createStreamListener({ framing, bind, tls: one as never, runtime }).catch((error: unknown) => error))
  }
  for (const one of [listener, client, refused, untrusting, runtime]) see(one)

  const text = seen.join('\n')
  for (const shown of ['RIVULET_CERTIFICATE_UNTRUSTED', 'RIVULET_TLS_FILE', 'alice']) t.ok(text.includes(shown), shown)
  t.notOk(text.includes(planted), 'the payload, and what is in a file by mistake')
  t.notOk(text.includes(passphrase), 'the passphrase')
  for (const [name, pem] of Object.entries({ local: local.key, key, alice: alice.key, mallory: mallory.key })) {
    for (const line of pem.split('\n').filter((line) => line.length > 20 && !line.startsWith('--'))) {
      t.notOk(text.includes(line), `the key of ${name}`)
    }
  }
})

t.test('messages of topics under a policy stay where they are', async (t) => {
  const here = place(t, 'tcp')
  const { runtime, bind } = here
  const { seen, see, watch } = watching(t)
  const isAllowed = ({ target }: { readonly target: string }) => {
    if (target === 'broken') throw new Error('no rule for this one')
    return target !== 'secrets'
  }
  const allow = { alice: alice.publicKey, mallory: mallory.publicKey }
  const bound: SecurityOptions = { keyPair: { ...server }, allow, policy: isAllowed }
  const as = ({ publicKey, secretKey }: typeof alice): SecurityOptions => ({
    keyPair: { publicKey, secretKey },
    serverKey: server.publicKey,
  })
  const publisher = watch(await createPublisher({ bind, runtime, security: bound, history: {} }))
  const subscriber = watch(await createSubscriber({ connect: publisher.endpoint, runtime, security: as(alice) }))
  const taking = watch(await createSubscriber({ bind, runtime, security: bound }))
  const hub = watch(
    await createHub({ publishers: { bind, security: bound }, subscribers: { bind: 'inproc://canary' }, runtime }),
  )
  const below = watch(await createSubscriber({ connect: hub.subscribers.endpoint, runtime }))
  const sending = [taking.endpoint, hub.publishers.endpoint]
  const giving = watch(await createPublisher({ connect: sending, runtime, security: as(alice), history: {} }))

  const arrived = [subscriber, taking, below].map((one) => first(one.topic('open', Note, { since: 'all' })))
  await taking.whenReady({ publishers: 1 })
  for (const one of [publisher, giving]) await one.topic('open', Note).retain(planted)
  t.strictSame(await Promise.all(arrived), [planted, planted, planted])
  // asked for, and sent, where the policy does not allow it, and where it fails
  for (const name of ['secrets', 'broken']) {
    const refused = first(subscriber.errors, ({ message }) => message.includes(name))
    const stream = subscriber.topic(name, Note).subscribe()
    see(await refused)
    see(await subscriber.whenReady().catch((error: unknown) => error))
    stream.unsubscribe()
  }
  for (const one of [taking, hub]) {
    const denied = first(one.securityEvents, ({ kind, target }) => kind === 'denied' && target === 'secrets')
    const stream = (one === taking ? taking : below).topic('#', Note).subscribe()
    await (one === taking ? taking : below).whenReady({ publishers: 1 })
    await giving.topic('secrets', Note).send(planted)
    see(await denied)
    stream.unsubscribe()
  }
  // over the socket, where nothing is taken
  const plain = new zmq.XPublisher({
    linger: 0,
    invertMatching: true,
    curveServerKey: server.publicKey,
    curvePublicKey: mallory.publicKey,
    curveSecretKey: mallory.secretKey,
  })
  t.teardown(() => plain.close())
  plain.connect(taking.endpoint)
  await plain.receive()
  const before = taking.stats().rejectedFrames.denied ?? 0
  await plain.send(['open.', planted])
  await until(() => (taking.stats().rejectedFrames.denied ?? 0) > before)
  for (const one of [publisher, subscriber, taking, hub, below, giving, runtime]) see(one)

  const text = seen.join('\n')
  for (const shown of ['RIVULET_PERMISSION_DENIED', 'RIVULET_POLICY_FAILED', 'secrets', alice.publicKey]) {
    t.ok(text.includes(shown), shown)
  }
  t.notOk(text.includes(planted), 'the payload')
  t.notOk(text.includes(Buffer.from(planted).toString('hex').slice(0, 40)), 'its bytes')
  for (const [name, { secretKey }] of Object.entries({ server, alice, mallory })) {
    t.notOk(text.includes(secretKey), `the secret key of ${name}`)
  }
})
