/**
 * One process of the benchmark of bytes: it loads the way that it plays and nothing else, since what a process holds decides how
 * often the engine looks through it.
 */
import { measureStretch, type StretchOrder } from './stretch.js'
import { byteWays, type Counter, type Endpoints } from './ways/index.js'

/** The requests of the parent, one at a time. */
export type ByteOrder =
  /** Holds so many megabytes of objects, as an application does. */
  | { readonly do: 'fillHeap'; readonly megabytes: number }
  | { readonly do: 'receive' }
  | { readonly do: 'send'; readonly endpoints: Endpoints }
  | StretchOrder

/** About what one of the objects takes that fill a heap, in bytes. */
const objectBytes = 56
const held: object[] = []

const [, , name = ''] = process.argv
const way = await byteWays[name]?.()
if (way === undefined) throw new Error(`there is no way named ${name}`)
let counter: Counter = () => 0

process.on('message', (order: ByteOrder) => {
  void carryOut(order).then((result) => process.send?.({ result }))
})
process.on('disconnect', () => process.exit())

async function carryOut(order: ByteOrder): Promise<unknown> {
  switch (order.do) {
    case 'fillHeap':
      for (let index = 0; index < (order.megabytes * 1_000_000) / objectBytes; index++) held.push({ index, next: {} })
      return undefined
    case 'receive': {
      const received = await way?.receive()
      if (received) counter = received.counter
      return received?.endpoints
    }
    case 'send':
      void way?.send(order.endpoints)
      return undefined
    case 'measure':
      return measureStretch(counter, order)
  }
}
