/** Planted secrets: neither a secret key nor a payload is in an error, an event, a message of a channel, or an inspection. */
import { channel } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { firstValueFrom, merge } from 'rxjs'
import t from 'tap'
import { createProducer, createQueueHost } from '../../patterns/queue/index.js'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { defineSchema, defineService } from '../../src/avro/index.js'
import { generateKeyPair, type Resource, type SecurityOptions } from '../../src/index.js'
import { first } from '../support/events.js'
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

t.test('secrets stay where they are', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
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
