/**
 * Market data: a publisher keeps its ticks, a late program gets all of them and then the live ones, and a dashboard shows the
 * latest price of each symbol.
 *
 * Run it: `npx tsx examples/market-data.ts`. The three are usually processes of their own; nothing but the endpoint differs.
 */
import { defineSchema, type Infer, record } from 'rivulet/avro'
import { createPublisher, createSubscriber, defineTopic } from 'rivulet/pubsub'

const Tick = defineSchema(record('Tick', { symbol: 'string', price: 'double' }))
const Ticks = defineTopic('ticks.{symbol}', Tick)
const symbols = ['acme', 'globex', 'umbrella']

await using exchange = await createPublisher({ bind: 'tcp://127.0.0.1:*', history: { maxMessages: 10_000 } })

async function trade(symbol: string, price: number): Promise<void> {
  await exchange.topic(Ticks, { symbol }).send({ symbol, price })
}

// the morning: the dashboard alone is there, and looks when it can
await using dashboard = await createSubscriber({ connect: exchange.endpoint })
const latest = dashboard.topic(Ticks, { symbol: '*' }, { conflateBy: ({ symbol }) => symbol })[Symbol.asyncIterator]()
const shown = new Map<string, number>()
const show = ({ symbol, price }: Infer<typeof Tick>) => shown.set(symbol, price)
const opening = latest.next() // subscribes
await dashboard.ready
for (let price = 1; price <= 100; price++) for (const symbol of symbols) await trade(symbol, price)
show((await opening).value)
while (symbols.some((symbol) => shown.get(symbol) !== 100)) show((await latest.next()).value)
console.log('the dashboard shows', Object.fromEntries([...shown].sort()))
console.log(`it has left out ${dashboard.stats().dropped.conflated ?? 0} of 300 ticks`)

// at noon a program begins that needs the whole day
await using late = await createSubscriber({ connect: exchange.endpoint })
const day = late.events(Ticks, { symbol: '*' }, { since: 'all' })
let count = 0
for await (const event of day) {
  if (event.kind === 'live') {
    console.log(`${count} ticks of the morning, and then live`)
    for (const symbol of symbols) await trade(symbol, 101)
  } else if (event.kind === 'gap') {
    console.log(`${event.topic}: ${event.from} to ${event.to} are missing`)
  } else {
    count += 1
    if (count > 300) console.log(`${event.topic} #${event.sequence}: ${event.value.price}`)
    if (count === 303) break
  }
}
