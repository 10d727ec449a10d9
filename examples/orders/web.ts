/**
 * The web server: the page, its requests as calls of the service, and the topics as server-sent events.
 *
 * It keeps nothing. The topics are fast, the database is right: whenever something may have been missed, every browser gets
 * the orders again.
 */
import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import Fastify from 'fastify'
import { closeAll, isRivuletError } from 'rivulet'
import { createSubscriber } from 'rivulet/pubsub'
import { createRpcClient } from 'rivulet/rpc'
import { auditTime, filter, merge, retry, switchMap } from 'rxjs'
import { ending, joinDirectory, keyring, leave, printErrors, ready } from './child.js'
import { Changes, Orders, Progress, products, states } from './schemas.js'
import { port } from './settings.js'

const { keyPair } = keyring
const directory = await joinDirectory()
const orders = await createRpcClient(Orders, { connect: directory.endpoints('orders'), security: { keyPair } })
const subscriber = await createSubscriber({ connect: directory.endpoints('topics'), security: { keyPair } })
printErrors(orders, subscriber, directory)

/** A browser that reads slower than this many bytes wait is disconnected; it connects again and gets the orders. */
const mostWaitingBytes = 1_000_000
const browsers = new Set<ServerResponse>()

function send(browser: ServerResponse, event: 'orders' | 'progress', data: unknown): void {
  browser.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  if (browser.writableLength > mostWaitingBytes) browser.destroy()
}

function sendAll(event: 'orders' | 'progress', data: unknown): void {
  for (const browser of browsers) send(browser, event, data)
}

const changes = subscriber.events(Changes, { id: '*' })
changes.subscribe((change) => {
  if (change.kind === 'message') sendAll('orders', [change.value])
})
subscriber
  .topic(Progress, { id: '*' }, { conflateBy: ({ id }) => id })
  .subscribe((progress) => sendAll('progress', progress))

// a publisher that joins or leaves, and a gap, mean that a change may have been missed
const renewal = merge(subscriber.publishers, changes.pipe(filter(({ kind }) => kind === 'gap')))
  .pipe(
    auditTime(100),
    switchMap(() => orders.list({})),
    retry({ delay: 1000 }),
  )
  .subscribe((list) => sendAll('orders', list))

const web = Fastify({ forceCloseConnections: true })
const page = readFileSync(join(import.meta.dirname, 'page.html'), 'utf8')
  .replace('{{products}}', products.map((product) => `<option>${product}</option>`).join(''))
  .replace('{{states}}', states.join(' '))

web.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(page))

web.get('/orders', () => orders.promises.list({}))

const body = {
  type: 'object',
  required: ['id', 'product', 'quantity'],
  properties: {
    id: { type: 'string', format: 'uuid' },
    product: { enum: products },
    quantity: { type: 'integer', minimum: 1, maximum: 99 },
  },
}
web.post<{ Body: { id: string; product: string; quantity: number } }>(
  '/orders',
  { schema: { body } },
  (request, reply) =>
    orders.promises.place(request.body, { timeoutMs: 10_000 }).then((order) => reply.code(201).send(order)),
)

web.get('/events', async (_request, reply) => {
  reply.hijack()
  const browser = reply.raw
  browser.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  browsers.add(browser)
  browser.once('close', () => browsers.delete(browser))
  // first what is, while changes arrive already; the page keeps the later state of each order
  await orders.promises.list({}).then(
    (list) => send(browser, 'orders', list),
    () => browser.destroy(),
  )
})

web.setErrorHandler((error, _request, reply) => {
  // a call that found no service in time; the page sends it again
  if (isRivuletError(error)) return reply.code(503).send({ error: error.code, message: error.message })
  return reply.send(error)
})

ready(await web.listen({ host: '127.0.0.1', port }))
await ending
renewal.unsubscribe()
for (const browser of browsers) browser.end()
await web.close()
await closeAll([orders, subscriber, directory])
leave()
