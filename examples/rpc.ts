/**
 * Remote procedure calls: a shop that tells prices, sells, haggles, and lets its visitors follow the stock.
 *
 * Both sides are in one process here; they need not be. Run it with `npx tsx examples/rpc.ts`.
 */
import { defineService, isDeclaredError } from 'rivulet/avro'
import { createRpcClient, createRpcServer, implement } from 'rivulet/rpc'
import { firstValueFrom, lastValueFrom, Subject, shareReplay, startWith, takeWhile, tap } from 'rxjs'

const item = [{ name: 'item', type: 'string' }] as const
const price = [{ name: 'price', type: 'double' }] as const

const Shop = defineService({
  protocol: 'Shop',
  namespace: 'example',
  types: [
    { type: 'record', name: 'Stock', fields: [...item, { name: 'left', type: 'int' }] },
    { type: 'error', name: 'SoldOut', fields: item },
  ],
  messages: {
    price: { request: item, response: 'double', 'x-idempotent': true },
    buy: { request: item, response: 'Stock', errors: ['SoldOut'] },
    follow: { request: [], response: 'Stock', 'x-stream': 'server' },
    total: { request: price, response: 'double', 'x-stream': 'client' },
    haggle: { request: price, response: 'string', 'x-stream': 'duplex' },
  },
})

const stock = { item: 'umbrella', left: 2 }
const changes = new Subject<typeof stock>()

await using server = await createRpcServer({
  bind: 'tcp://127.0.0.1:*',
  services: [
    implement(Shop, {
      price: () => 12.5,
      buy({ item }) {
        if (stock.left === 0) throw Shop.error('buy', 'SoldOut', { item })
        stock.left -= 1
        changes.next({ ...stock })
        return stock
      },
      follow: () => changes.pipe(startWith({ ...stock })),
      async total(prices) {
        let sum = 0
        for await (const { price } of prices) sum += price
        return sum
      },
      async *haggle(offers) {
        for await (const { price } of offers) yield price < 10 ? `not for ${price}` : `yours for ${price}`
      },
    }),
  ],
})

await using shop = await createRpcClient(Shop, { connect: server.endpoint })

// one call for all subscribers; `takeWhile` cancels it when the shop is sold out
const followed = shop.follow().pipe(
  tap(({ item, left }) => console.log(`${left} × ${item}`)),
  takeWhile(({ left }) => left > 0, true),
  shareReplay(),
)
await firstValueFrom(followed)

console.log('price', await shop.promises.price({ item: 'umbrella' }, { timeoutMs: 500 }))
for await (const answer of shop.haggle([{ price: 5 }, { price: 11 }])) console.log(answer)
await firstValueFrom(shop.buy({ item: 'umbrella' }))
await shop.promises.buy({ item: 'umbrella' })
await lastValueFrom(followed)

try {
  await shop.promises.buy({ item: 'umbrella' })
} catch (error) {
  if (!isDeclaredError(Shop, 'buy', error, 'SoldOut')) throw error
  console.log(`no ${error.value.item} any more`)
}
console.log('total', await shop.promises.total([{ price: 1 }, { price: 2.5 }]))
