/** Client and server of different versions: Avro's rules for each method, both ways, and refusals that name the field. */
import { lastValueFrom, toArray } from 'rxjs'
import t from 'tap'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { defineService } from '../../src/avro/index.js'
import { eachTransport, place } from '../support/transports.js'
import { failure } from './lab.js'

const version1 = defineService({
  protocol: 'Store',
  namespace: 'test',
  types: [
    {
      type: 'record',
      name: 'Article',
      fields: [
        { name: 'id', type: 'int' },
        { name: 'name', type: 'string' },
      ],
    },
    { type: 'error', name: 'Missing', fields: [{ name: 'id', type: 'int' }] },
  ],
  messages: {
    find: { request: [{ name: 'id', type: 'int' }], response: 'Article', errors: ['Missing'] },
    all: { request: [], response: 'Article', 'x-stream': 'server' },
    put: { request: [{ name: 'article', type: 'Article' }], response: 'int' },
    fill: { request: [{ name: 'article', type: 'Article' }], response: 'int', 'x-stream': 'client' },
    changed: { request: [{ name: 'id', type: 'int' }], response: 'int' },
    answered: { request: [{ name: 'id', type: 'int' }], response: 'int' },
    shaped: { request: [{ name: 'id', type: 'int' }], response: 'int' },
  },
})

/** Ids have grown, articles have a price with a default, and three methods do not fit any more. */
const version2 = defineService({
  protocol: 'Store',
  namespace: 'test',
  types: [
    {
      type: 'record',
      name: 'Article',
      fields: [
        { name: 'price', type: 'double', default: 9.5 },
        { name: 'name', type: 'string', default: '?' },
        { name: 'id', type: 'int' },
      ],
    },
    { type: 'error', name: 'Missing', fields: [{ name: 'id', type: 'long' }] },
  ],
  messages: {
    added: { request: [], response: 'int' },
    find: { request: [{ name: 'id', type: 'long' }], response: 'Article', errors: ['Missing'] },
    all: { request: [], response: 'Article', 'x-stream': 'server' },
    put: { request: [{ name: 'article', type: 'Article' }], response: 'int' },
    fill: { request: [{ name: 'article', type: 'Article' }], response: 'int', 'x-stream': 'client' },
    changed: { request: [{ name: 'id', type: 'string' }], response: 'int' },
    answered: { request: [{ name: 'id', type: 'int' }], response: 'string' },
    shaped: { request: [{ name: 'id', type: 'int' }], response: 'int', 'x-stream': 'server' },
  },
})

const incompatible = { code: 'RIVULET_INCOMPATIBLE_SCHEMA', executed: 'no', retryable: false }

eachTransport(t, 'an older client of a newer server', async (t, { runtime, bind }) => {
  const put: unknown[] = []
  const server = await createRpcServer({
    bind,
    runtime,
    services: [
      implement(version2, {
        added: () => 1,
        find({ id }) {
          if (id === 0) throw version2.error('find', 'Missing', { id })
          return { id, name: 'chair', price: 20 }
        },
        all: () => [{ id: 1, name: 'a', price: 1 }, { id: 2 }],
        put: ({ article }) => put.push(article),
        async fill(requests) {
          for await (const { article } of requests) put.push(article)
          return put.length
        },
        changed: () => 1,
        answered: () => 'text',
        shaped: () => [1],
      }),
    ],
  })
  const client = await createRpcClient(version1, { connect: server.endpoint, runtime })
  t.strictSame(await client.promises.find({ id: 7 }), { id: 7, name: 'chair' })
  t.strictSame(await lastValueFrom(client.all().pipe(toArray())), [
    { id: 1, name: 'a' },
    { id: 2, name: '?' },
  ])
  t.equal(await client.promises.put({ article: { id: 1, name: 'sofa' } }), 1)
  t.equal(await client.promises.fill([{ article: { id: 2, name: 'lamp' } }]), 2)
  t.strictSame(put, [
    { price: 9.5, name: 'sofa', id: 1 },
    { price: 9.5, name: 'lamp', id: 2 },
  ])
  const changed = await failure(client.promises.changed({ id: 1 }))
  t.match(changed, { ...incompatible, issues: [{ path: /id/ }] })
  t.match(await failure(client.promises.answered({ id: 1 })), incompatible)
  t.match(await failure(client.promises.shaped({ id: 1 })), incompatible)
  t.match(await failure(client.promises.changed({ id: 1 })), { message: changed.message }, 'each time')
  // an error with an id that may be too large for the older version cannot be read by it
  const error = await failure(client.promises.find({ id: 0 }))
  t.ok(['RIVULET_INCOMPATIBLE_SCHEMA', 'RIVULET_INTERNAL', undefined].includes(error.code), error.message)
  t.match(server.stats(), { invalidItems: 0 })
})

eachTransport(t, 'a newer client of an older server', async (t, { runtime, bind }) => {
  const put: unknown[] = []
  const server = await createRpcServer({
    bind,
    runtime,
    services: [
      implement(version1, {
        find({ id }) {
          if (id === 0) throw version1.error('find', 'Missing', { id })
          return { id, name: 'chair' }
        },
        all: () => [{ id: 1, name: 'a' }],
        put: ({ article }) => put.push(article),
        fill: async () => 0,
        changed: () => 1,
        answered: () => 1,
        shaped: () => 1,
      }),
    ],
  })
  const client = await createRpcClient(version2, { connect: server.endpoint, runtime })
  t.match(await failure(client.promises.added()), { code: 'RIVULET_UNIMPLEMENTED', executed: 'no' })
  t.strictSame(await lastValueFrom(client.all().pipe(toArray())), [{ price: 9.5, name: 'a', id: 1 }])
  t.equal(await client.promises.put({ article: { id: 1, name: 'sofa', price: 3 } }), 1)
  t.strictSame(put, [{ id: 1, name: 'sofa' }])
  t.match(await failure(client.promises.changed({ id: 'one' })), incompatible)
  t.match(await failure(client.promises.find({ id: 1 })), incompatible, 'a long does not fit an int')
  t.match(await failure(lastValueFrom(client.shaped({ id: 1 }))), incompatible)
})

t.test('clients of both versions at one server', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const fine = { changed: () => 1, answered: () => 1, shaped: () => 1, fill: () => 1, put: () => 1 }
  const find = ({ id }: { id: number }) => ({ id, name: 'x' })
  const server = await createRpcServer({
    bind,
    runtime,
    services: [implement(version1, { ...fine, find, all: () => [{ id: 1, name: 'a' }] })],
  })
  for (let round = 0; round < 5; round++) {
    const same = await createRpcClient(version1, { connect: server.endpoint, runtime })
    const newer = await createRpcClient(version2, { over: same })
    const [found, listed] = await Promise.all([
      same.promises.find({ id: round }),
      lastValueFrom(newer.all()),
      same.promises.changed({ id: 1 }),
      failure(newer.promises.changed({ id: 'x' })),
    ])
    t.strictSame([found.id, listed.price], [round, 9.5])
    await same.close()
  }
})
