/**
 * Remote procedure calls: a shop that tells prices, sells, and lets its visitors follow the stock.
 *
 * Both sides are in one process here; they need not be. Run it with `npx tsx examples/rpc.ts`.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { defineService, isDeclaredError } from 'rivulet/avro'
import { createRpcClient, createRpcServer, implement } from 'rivulet/rpc'
import { firstValueFrom, Subject, startWith, takeWhile, tap } from 'rxjs'

const Shop = defineService({
  protocol: 'Shop',
  namespace: 'example',
  types: [
    {
      type: 'record',
      name: 'Stock',
      fields: [
        { name: 'item', type: 'string' },
        { name: 'left', type: 'int' },
      ],
    },
    { type: 'error', name: 'SoldOut', fields: [{ name: 'item', type: 'string' }] },
  ],
  messages: {
    price: { request: [{ name: 'item', type: 'string' }], response: 'double', 'x-idempotent': true },
    buy: { request: [{ name: 'item', type: 'string' }], response: 'Stock', errors: ['SoldOut'] },
    follow: { request: [], response: 'Stock', 'x-stream': 'server' },
    total: { request: [{ name: 'price', type: 'double' }], response: 'double', 'x-stream': 'client' },
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
    }),
  ],
})

await using shop = await createRpcClient(Shop, { connect: server.endpoint })

const soldOut = new Promise<void>((resolve) => {
  shop
    .follow()
    .pipe(
      tap(({ item, left }) => console.log(`${left} × ${item}`)),
      takeWhile(({ left }) => left > 0),
    )
    .subscribe({ complete: resolve })
})
console.log('price', await shop.promises.price({ item: 'umbrella' }, { timeoutMs: 500 }))
await delay(20) // the follower has seen the first figure by now, or sees it with the next
await firstValueFrom(shop.buy({ item: 'umbrella' }))
await shop.promises.buy({ item: 'umbrella' })
await soldOut

try {
  await shop.promises.buy({ item: 'umbrella' })
} catch (error) {
  if (!isDeclaredError(Shop, 'buy', error, 'SoldOut')) throw error
  console.log(`no ${error.value.item} any more`)
}
console.log('total', await shop.promises.total([{ price: 1 }, { price: 2.5 }]))
