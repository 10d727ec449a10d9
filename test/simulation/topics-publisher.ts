/**
 * A publisher of a simulation: topics, numbers, outbox, beacons, gates, logs and the service of history are those of the package.
 *
 * It is put together as `publisher.ts` and `publisher-history.ts` do, without their sockets.
 */

import { writeLinks } from '../../patterns/pubsub/link-addresses.js'
import { LogGates } from '../../patterns/pubsub/log-gates.js'
import { openTopicLogs } from '../../patterns/pubsub/open-topic-logs.js'
import { readTopicLogs } from '../../patterns/pubsub/stored-topic-logs.js'
import { TopicBeacons } from '../../patterns/pubsub/topic-beacons.js'
import type { TopicLog, TopicLogs } from '../../patterns/pubsub/topic-log.js'
import { inboxMark, topicPart } from '../../patterns/pubsub/topic-name.js'
import { PublishedTopic, type TopicTail } from '../../patterns/pubsub/topic-publisher.js'
import { TopicService } from '../../patterns/pubsub/topic-service.js'
import { TopicTable } from '../../patterns/pubsub/topic-table.js'
import { CallHost } from '../../src/call/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { defaults } from '../../src/options/index.js'
import { type FrameGate, Outbox } from '../../src/socket/index.js'
import { Outgoing } from '../../src/stream/index.js'
import {
  type CutFrame,
  frameKind,
  Origin,
  readRecordFrame,
  TopicAnswer,
  TopicRequest,
  writeIntroduction,
  writeRecordFrame,
} from '../../src/wire/index.js'
import { addressOf } from './link-ends.js'
import { SimulatedLinks } from './simulated-links.js'
import { SimulatedDisk } from './topics-disk.js'
import { noteCodec } from './topics-notes.js'
import type { PublisherPlan } from './topics-plan.js'
import { TopicServer } from './topics-sockets.js'
import type { TopicsWorld } from './topics-world.js'
import { TurnProcess } from './turn-process.js'

/** What one life of a publisher is made of. */
interface Life {
  readonly origin: Origin
  readonly log: TopicLog | undefined
  readonly gates: LogGates
  readonly table: TopicTable
  readonly beacons: TopicBeacons<TopicTail>
  readonly outbox: Outbox
  readonly outgoing: Outgoing
  readonly service: TopicService
  readonly server: TopicServer
  readonly links: SimulatedLinks | undefined
  readonly topics: Map<string, PublishedTopic<{ id: number }>>
}

/** A publisher. */
export class SimulatedPublisher extends TurnProcess {
  declare readonly world: TopicsWorld
  readonly address: string
  readonly #plan: PublisherPlan
  readonly #disk = new SimulatedDisk()
  /** Whether nothing goes wrong any more: writes are quick. */
  isCalm = false
  #it: Life | undefined

  constructor(name: string, world: TopicsWorld, plan: PublisherPlan) {
    super(name, world, world.plan.links.link.heartbeatMs)
    this.address = addressOf(name)
    this.#plan = plan
  }

  /** Who it is in this life: 16 hexadecimal digits. */
  get source(): string | undefined {
    return this.#it?.origin.source.toString('hex')
  }

  override boot(): void {
    this.start()
    this.note('boots')
    this.enqueue(() => this.#open())
  }

  override crash(): void {
    const kept = this.random.below(this.#disk.writes + 1)
    this.note('crashes', kept)
    const it = this.#it
    it?.server.drop()
    it?.links?.drop()
    it?.beacons.close()
    it?.service.close()
    it?.table.close()
    if (it) this.world.oracle.crashed(it.origin.source.toString('hex'))
    this.#it = undefined
    this.#disk.crash(kept)
    this.stop()
  }

  override report({ code }: RivuletError): void {
    this.note(code)
  }

  /** Publishes some messages. */
  publish(topic: string, messages: number, isRetained = false): void {
    this.enqueue(() => {
      const it = this.#it
      if (it === undefined) return
      this.note('publishes', messages)
      const sink = this.#topic(it, topic)
      for (let left = messages; left > 0; left--) {
        const value = { id: this.world.nextId() }
        void (isRetained ? sink.retain(value) : sink.send(value)).catch(() => this.note('refuses'))
      }
    })
  }

  /** Removes the retained value of a topic. */
  clear(topic: string): void {
    this.enqueue(() => {
      if (this.#it) this.#topic(this.#it, topic).clear()
    })
  }

  protected override tick(): void {
    this.#it?.links?.tick()
  }

  #open(): void {
    const { clock, world, random } = this
    const { oracle, plan } = world
    const logs = this.#openLogs()
    const [known] = logs?.sources() ?? []
    const source = known ?? random.bytes(8).toString('hex')
    const log = logs?.log(source)
    const origin = new Origin(clock, defaults.announceMs, {
      source: Buffer.from(source, 'hex'),
      position: log?.position ?? 0,
    })
    const table = new TopicTable({ clock, announceMs: defaults.announceMs, position: () => origin.position })
    if (log) table.restore(log.ends())
    const outbox: Outbox = new Outbox(1_048_576)
    const gates = new LogGates({
      changed: () => outbox.release(),
      dropped: () => {},
      report: (error) => this.report(error),
    })
    const outgoing: Outgoing = new Outgoing({
      overflow: 'drop-oldest',
      queue: () => outbox,
      backlog: () => outbox,
      name: () => this.name,
      isOpen: () => gates.failure === undefined,
      failure: () => gates.failure,
      onClosing: () => () => {},
      report: (error) => this.report(error),
    })
    const beacons = new TopicBeacons<TopicTail>({
      clock,
      nextTurn: (callback) => this.enqueue(callback),
      send: (tail) => this.#sendBeacon(tail),
    })
    const service = new TopicService({
      clock,
      nextTurn: (callback) => this.enqueue(callback),
      sources: () => (log ? [source] : []),
      log: (wanted) => (wanted === source ? log : undefined),
      missed: () => {},
    })
    const server = new TopicServer(this, this.address, plan.pipeFrames, {
      subscription: (subscribed, prefix) => {
        if (subscribed && prefix[0] !== inboxMark) table.introduce(prefix.toString())
      },
      frame: (frame) => this.#onRequest(frame),
      // without an answer, a subscriber does not know of the history
      dropped: (topic) => {
        if (topic[0] === inboxMark) world.troubled(0)
      },
    })
    const links = log && new SimulatedLinks(this, plan.links, [this.#callHost(service)])
    links?.listen(`${this.address}/links`)
    const topics = new Map<string, PublishedTopic<{ id: number }>>()
    this.#it = { origin, log, gates, table, beacons, outbox, outgoing, service, server, links, topics }
    oracle.opened(source, log, origin.position, this.#plan.keeping)
    outbox.attach({
      send: (parts) => {
        server.send(parts as readonly [Buffer, Buffer])
        return Promise.resolve(undefined)
      },
      failed: () => {},
    })
  }

  #callHost(service: TopicService): CallHost {
    return new CallHost([service.implementation], { clock: this.clock, report: (error) => this.report(error) })
  }

  #openLogs(): TopicLogs | undefined {
    const { clock } = this
    const { keeping, maxMessages, flushMs } = this.#plan
    if (keeping === 'nowhere') return undefined
    const bounds = { maxMessages, maxBytes: Number.MAX_SAFE_INTEGER, maxAgeMs: Number.POSITIVE_INFINITY }
    if (keeping === 'memory') return openTopicLogs({ ...bounds, clock })
    const later = (confirm: () => void) =>
      this.enqueueLater(this.isCalm ? 0 : this.random.below(flushMs + 1), () => void confirm())
    return readTopicLogs(this.#disk.open(later), { bounds, clock })
  }

  #topic(it: Life, name: string): PublishedTopic<{ id: number }> {
    const known = it.topics.get(name)
    if (known) return known
    const { origin, table, outgoing, outbox, beacons } = it
    const topic = new PublishedTopic<{ id: number }>({
      name,
      part: topicPart(name),
      codec: noteCodec,
      origin,
      numbers: table.numbers(name),
      outgoing,
      outbox: () => outbox,
      maxBatchMessages: this.#plan.maxBatchMessages,
      maxMessageBytes: 1000,
      subscribed: () => true,
      used: (used) => {
        table.used(used)
        beacons.used(used.tail)
      },
      checkOpen: () => {},
      history: {
        isKept: it.log !== undefined,
        retain: () => {},
        keep: (topicName, text, frame) => this.#keep(it, topicName, text, frame),
        clear: (topicName) => it.gates.through(() => it.log?.clear(topicName)),
      },
    })
    table.add(topic as unknown as PublishedTopic<never>)
    it.topics.set(name, topic)
    return topic
  }

  #keep({ log, gates }: Life, topic: string, schemaText: string, frame: CutFrame): FrameGate | undefined {
    const { bytes, messages: count, header } = frame
    this.world.oracle.published(topic, frame)
    if (log === undefined) return undefined
    const { position, sequence, time, extensions } = header
    const schemaId = header.schemaId as Buffer
    const isRetained = extensions !== undefined
    return gates.through(() =>
      log.append({ topic, bytes, position, sequence, count, time, schemaId, schemaText, isRetained }),
    )
  }

  #onRequest(frame: Buffer): void {
    const it = this.#it
    if (it === undefined) return
    const { inbox, nonce } = readRecordFrame(TopicRequest, frame, frameKind.request, undefined)
    const { source, position, clock } = it.origin
    const extensions = it.log ? writeLinks([`${this.address}/links`]) : {}
    const answer = { nonce, source, position, time: new Date(clock.wallNow()), extensions }
    const bytes = writeRecordFrame(TopicAnswer, answer, frameKind.answer, inbox)
    it.outbox.add({ parts: [inbox, bytes], messages: 0, bytes: inbox.length + bytes.length })
  }

  #sendBeacon(tail: TopicTail): void {
    const it = this.#it
    if (it === undefined || tail.isWaiting || it.outbox.isFull() || it.gates.failure) return
    const { part, codec, numbers } = tail
    const { source, position, clock } = it.origin
    const header = { source, position: position + 1, time: clock.wallNow(), ...numbers, writerSchema: codec.text }
    const bytes = writeIntroduction({ fingerprint: codec.fingerprint, schemaId: codec.schemaId, ...header }, part)
    tail.isWaiting = true
    const leaves = () => {
      tail.isWaiting = false
    }
    it.outbox.add({ parts: [part, bytes], messages: 0, bytes: part.length + bytes.length, leaves })
  }
}
