/** What an attacker needs to call a pattern with links by frames of its own: the agreement, and requests as bytes. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import avsc from 'avsc'
import { DirectoryService } from '../../patterns/directory/wire.js'
import { MessagingService } from '../../patterns/messaging/wire.js'
import { QueueService } from '../../patterns/queue/durable/wire.js'
import { type ServiceCodec, serviceOf } from '../../src/avro/service-codec.js'
import { bindItem } from '../rpc/hostile.js'
import { long, type RawItem, requestBody } from '../support/link-stranger.js'
import { Keep, keepMethods } from './keep.js'
import type { PatternName } from './patterns.js'
import { strangersQueue } from './recording.js'

const Queue = avsc.Service.forProtocol(JSON.parse(readFileSync('docs/protocol/queue.avpr', 'utf8')))

/** The number of a method, in the order of the protocol. */
const queueMethods = Queue.messages.map(({ name }) => name)

/** A request of a stream of the durable queue, as bytes. */
export function queueRequest(method: 'produce' | 'consume', request: object): Buffer {
  return Queue.message(method).requestType.toBuffer(request)
}

/** The head of a stream of requests to the durable queue. */
export function queueHead(method: 'produce' | 'consume'): Buffer {
  return requestBody(queueMethods.indexOf(method))
}

const services: Readonly<Partial<Record<PatternName, ServiceCodec>>> = {
  rpc: serviceOf(Keep),
  queue: serviceOf(QueueService),
  peer: serviceOf(MessagingService),
  directory: serviceOf(DirectoryService),
}

/** The item that announces the service of a pattern. */
export function bindService(pattern: PatternName): RawItem {
  const { text, name } = services[pattern] as ServiceCodec
  return bindItem(text, 0, name)
}

const nothing = { open: null, number: 0, credit: 0, settlements: [], extend: [] }

/** A request of a consumer of the queue for strangers; what is given replaces what is empty. */
export function consumeRequest(request: object): Buffer {
  return queueRequest('consume', { ...nothing, ...request })
}

/** The head of a stream of a method, and its first request. */
function streamOf(pattern: PatternName, method: string, request: object): Buffer[] {
  const { methods } = services[pattern] as ServiceCodec
  const bytes = Buffer.alloc(4096)
  const end = methods.get(method)?.request.write(request, bytes, new DataView(bytes.buffer), 0, bytes.length)
  return [requestBody([...methods.keys()].indexOf(method)), bytes.subarray(0, end)]
}

/** The bodies that open a stream of answers without end on a pattern: the head, and the requests of its stream. */
export function openingOf(pattern: PatternName, name: string): Buffer[] {
  if (pattern === 'rpc') return [requestBody(keepMethods.items, long(10_000))]
  if (pattern === 'peer') {
    const hello = { node: createHash('sha256').update(name).digest('hex').slice(0, 32), endpoints: [] }
    return streamOf(pattern, 'meet', { hello, joined: [], left: [], complete: true })
  }
  if (pattern === 'directory') {
    const watched = [{ role: 'SERVICE', name: strangersQueue }]
    const lists = { announced: [], withdrawn: [], unwatched: [] }
    return streamOf(pattern, 'attend', { open: { client: 'greedy' }, ...lists, complete: null, watched })
  }
  const open = { queue: strangersQueue, consumer: name, held: [] }
  return [queueHead('consume'), consumeRequest({ open }), consumeRequest({ credit: 1_000_000 })]
}
