/**
 * Single figures that pages mention, by name: taken from the stored results, or observed once.
 *
 * A page marks one with `<data value="NAME">…</data>`.
 */
import { rangeText, ratioText, whole } from './numbers.js'
import { figureOf, readObservations, readStored, rowOf, rowsOf, type StoredFigure, type StoredRow } from './stored.js'

const medians = (section: string, list: string | undefined, key: string): number[] =>
  rowsOf(readStored(section), list).map((row) => figureOf(row, key).median)

const median = (section: string, list: string | undefined, values: StoredRow, key: string): number =>
  figureOf(rowOf(rowsOf(readStored(section), list), values), key).median

const queue = (manner: string) => median('throughput', undefined, { name: `rivulet/queue: ${manner}` }, 'toBaseline')
const durable = (activity: string) =>
  median('durable', 'rates', { name: 'rivulet/queue, durable', activity }, 'perSecond')
const calls = (name: string) => median('calls', 'rates', { name: `rivulet/rpc: ${name}` }, 'perSecond')
const secured = (list: string, name: string, key: string) => median('curve', list, { name }, key)
const interpreted = () => medians('codecs', undefined, 'interpretedToGenerated')

/** The figures of benchmarks. */
const measured: Readonly<Record<string, () => string>> = {
  'queue-send-all': () => ratioText(queue('sendAll')),
  'queue-next': () => ratioText(queue('next')),
  'lone-message': () => ratioText(median('latency', undefined, { name: 'rivulet/queue' }, 'toBaseline')),
  'durable-bulk': () => ratioText(durable('sendAll') / durable('send')),
  'stream-of-responses': () => ratioText(calls('stream of responses') / calls('1024 at a time')),
  'datagram-batch': () => ratioText(median('datagrams', undefined, { name: 'rivulet/socket: send, batch' }, 'toPlain')),
  'security-rate': () => ratioText(secured('rates', 'rivulet/queue, CURVE: sendAll', 'toPlain')),
  'security-call': () =>
    ratioText(secured('lone', 'rivulet/rpc, CURVE', 'median') / secured('lone', 'rivulet/rpc', 'median')),
  'depth-rate': () => ratioText(median('depth', undefined, { messages: 1_000_000 }, 'toFirst')),
  'interpreted-least': () => ratioText(Math.min(...interpreted())),
  'interpreted-most': () => ratioText(Math.max(...interpreted())),
  'disk-flush': () => `${rangeText((readStored('durable').results as { flush: StoredFigure }).flush, whole)} µs`,
}

/** The figure of this name; throws where there is none. */
export function namedFigure(name: string): string {
  const text = measured[name]?.() ?? readObservations()[name]?.value
  if (text === undefined) throw new Error(`there is no figure named ${name}: see tools/figures/named.ts`)
  return text
}

/** The names of all figures. */
export function figureNames(): string[] {
  return [...Object.keys(measured), ...Object.keys(readObservations())]
}
