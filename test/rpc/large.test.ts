/** Messages up to the limit, in fragments, without holding up others; and one byte more. */
import { lastValueFrom } from 'rxjs'
import t from 'tap'
import { eachTransport, place } from '../support/transports.js'
import { failure, openLab } from './lab.js'

const mebibyte = 1024 * 1024
const limit = 16 * mebibyte

eachTransport(t, '16 MiB both ways', async (t, at) => {
  const { client, server } = await openLab(t, at)
  // the length takes four bytes, and the head of the request four: method, deadline (3, 4 after a while), two maps
  const data = Buffer.alloc(limit - 16, 0x5a)
  data.writeUInt32BE(0xdeadbeef, limit - 20)
  t.ok((await client.promises.echo({ data }, { timeoutMs: 60_000 })).equals(data))
  t.match(server.stats(), { started: 1, answered: 1 })
})

t.test('one byte more than the limit is refused before it is sent', async (t) => {
  const { client, server } = await openLab(t, place(t, 'tcp'), {
    client: { maxMessageBytes: 65_536 },
    server: { maxMessageBytes: 65_536 },
    handlers: { echo: ({ data }) => Buffer.alloc(data.readUInt32BE(0)) },
  })
  // what a response takes beside its bytes is the length of them
  const ask = (bytes: number) => {
    const data = Buffer.alloc(4)
    data.writeUInt32BE(bytes)
    return client.promises.echo({ data })
  }
  t.equal((await ask(65_533)).length, 65_533)
  const tooLarge = await failure(ask(65_534))
  t.match(tooLarge, { code: 'RIVULET_INTERNAL', executed: 'maybe' })
  const request = await failure(client.promises.echo({ data: Buffer.alloc(65_536) }))
  t.match(request, { code: 'RIVULET_MESSAGE_TOO_LARGE', executed: 'no' })
  t.equal((await ask(100)).length, 100, 'the link goes on')
  t.equal(server.stats().sessions, 1)
})

t.test('what the other side takes counts', async (t) => {
  const { client } = await openLab(t, place(t, 'tcp'), { server: { maxMessageBytes: mebibyte } })
  t.equal((await client.promises.echo({ data: Buffer.alloc(mebibyte - 20) })).length, mebibyte - 20)
  const error = await failure(client.promises.echo({ data: Buffer.alloc(mebibyte) }))
  t.match(error, { code: 'RIVULET_MESSAGE_TOO_LARGE', executed: 'no' })
  t.equal((await client.promises.get({ id: 1 })).id, 1)
})

t.test('large items in streams, both ways', async (t) => {
  const text = 'x'.repeat(3 * mebibyte)
  const { client } = await openLab(t, place(t, 'tcp'), {
    handlers: {
      *list({ count }) {
        for (let id = 0; id < count; id++) yield { id, text }
      },
    },
  })
  let next = 0
  for await (const item of client.list({ count: 5 })) {
    t.equal(item.id, next++)
    t.ok(item.text === text)
  }
  t.equal(next, 5)
})

t.test('small calls do not wait for large ones', async (t) => {
  const { client } = await openLab(t, place(t, 'tcp'))
  await client.promises.peek({ id: 1 })
  const order: string[] = []
  const large = client.promises.echo({ data: Buffer.alloc(8 * mebibyte) }).then(() => order.push('large'))
  const small = Array.from({ length: 20 }, (_, id) => client.promises.peek({ id }).then(() => order.push('small')))
  await Promise.all([large, ...small])
  t.equal(order.at(-1), 'large')
})

t.test('many large ones at once', async (t) => {
  const { client } = await openLab(t, place(t, 'tcp'))
  const sizes = Array.from({ length: 6 }, (_, index) => (index + 1) * 300_000)
  const echoed = await Promise.all(sizes.map((size) => client.promises.echo({ data: Buffer.alloc(size, size % 256) })))
  t.ok(echoed.every((data, index) => data.equals(Buffer.alloc(sizes[index] as number, (sizes[index] as number) % 256))))
  t.equal((await lastValueFrom(client.list({ count: 3 }))).id, 2)
})
