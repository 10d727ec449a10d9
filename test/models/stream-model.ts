/**
 * The model of a connection of byte streams: what one side takes reaches the other in order and once, as far as both live.
 *
 * Both ends do everything: send, end their half, destroy, close, consume or not.
 */
import { Observable } from 'rxjs'
import {
  connectStream,
  createStreamListener,
  lengthPrefixed,
  lines,
  type StreamMessageOptions,
} from '../../patterns/socket/index.js'
import { defineSchema, record, type Schema } from '../../src/avro/index.js'
import { first, total } from '../support/events.js'
import { defineModel, stepsOf } from './model.js'
import {
  checkAtRest,
  close,
  consume,
  consumptions,
  contents,
  End,
  offerAll,
  type Setup,
  type World,
} from './stream-world.js'

const step = stepsOf<World>()

/** Larger messages are refused, in bytes; and what a value has beside its text. */
const maxMessageBytes = 100_000

const Text = defineSchema(record('Text', { text: 'string' }))
const LaterText = defineSchema(record('Text', { text: 'string', language: { schema: 'string', default: '' } }))

const side = (random: { below(limit: number): number }): number => random.below(2)
const pick = (world: World, side: number): End => world.ends[side] as End

const steps = [
  step(
    'send',
    10,
    (random) => ({
      side: side(random),
      count: random.pick([1, 1, 2, 20, 200]),
      bytes: random.pick([0, 0, 100, 30_000]),
    }),
    (world, { side, count, bytes }) => pick(world, side).send(Math.min(count, bytes > 1000 ? 5 : count), bytes),
  ),
  step(
    'next',
    4,
    (random) => ({ side: side(random), count: random.pick([1, 3, 100]) }),
    (world, { side, count }) => pick(world, side).next(count),
  ),
  step(
    'sendBad',
    2,
    (random) => ({ side: side(random), kind: random.pick(['type', 'large', 'nothing'] as const) }),
    (world, { side, kind }) => pick(world, side).sendBad(kind),
  ),
  step(
    'sendAll',
    4,
    (random) => ({
      side: side(random),
      source: random.pick(['array', 'async', 'observable', 'failing', 'aborted'] as const),
      count: random.pick([0, 1, 10, 300]),
    }),
    (world, { side, source, count }) => {
      const end = pick(world, side)
      function* generator() {
        const name = end.newName('a')
        for (let at = 0; at < count; at++) yield end.text(name, at)
        if (source === 'failing') throw new Error('as it was told to')
      }
      async function* slowly() {
        for (const text of generator()) {
          yield text
          await null
        }
      }
      const observable = new Observable<string>((subscriber) => {
        for (const text of generator()) subscriber.next(text)
        subscriber.complete()
      })
      const sources = { array: [...(source === 'array' ? generator() : [])], async: slowly(), observable }
      offerAll(end, source === 'failing' ? generator() : source === 'aborted' ? slowly() : sources[source], source)
    },
  ),
  step(
    'complete',
    2,
    (random) => ({ side: side(random) }),
    (world, { side }) => pick(world, side).complete(),
  ),
  step(
    'error',
    1,
    (random) => ({ side: side(random) }),
    (world, { side }) => pick(world, side).error(),
  ),
  step(
    'consume',
    6,
    (random) => ({ side: side(random), how: random.pick(consumptions) }),
    (world, { side, how }) => consume(pick(world, side), how),
  ),
  step(
    'close',
    1,
    (random) => ({
      side: side(random),
      options: random.pick([{}, { timeoutMs: 0 }, { timeoutMs: 20 }, { drain: false }]),
    }),
    (world, { side, options }) => close(pick(world, side), options),
  ),
  step(
    'closeListener',
    1,
    (random) => random.pick([{}, { drain: false }]),
    (world, options) => {
      pick(world, 1).closes(options)
      world.lab.close(world.listener, options)
    },
  ),
]

export const model = defineModel<Setup, World>({
  name: 'stream',
  draw: (random) => ({
    framing: random.pick(contents),
    options: {
      ...(random.chance(0.4) && { overflow: random.pick(['block', 'error', 'drop-oldest', 'drop-newest'] as const) }),
      ...(random.chance(0.4) && { outboxBytes: random.pick([1, 300, 50_000]) }),
    },
    maxBufferedBytes: random.chance(0.3) ? 65_536 : undefined,
    consumes: [random.chance(0.5), random.chance(0.5)],
  }),

  async open(lab, setup) {
    const { runtime } = lab
    // inproc, which byte streams do not have, is the transport of most sequences
    const bind = lab.transport === 'inproc' ? 'tcp://127.0.0.1:*' : lab.endpoint()
    const { maxBufferedBytes, options } = setup
    const [ofClient, ofServer] = contentsOf(setup)
    const limits = maxBufferedBytes === undefined ? {} : { maxBufferedBytes }
    const listener = lab.watch(
      await createStreamListener<string>({ ...ofServer, bind, runtime, ...options, ...limits }),
    )
    const accepted = first(listener.connections)
    const client = lab.watch(
      await connectStream<string>({ ...ofClient, connect: listener.endpoint, runtime, ...options }),
    )
    const server = lab.watch(await accepted)
    const ends = [new End(lab, client, 'c', setup), new End(lab, server, 's', setup)] as const
    ends[0].peer = ends[1]
    ends[1].peer = ends[0]
    const world: World = { lab, listener, setup, ends, startedAt: lab.clock.now() }
    for (const [at, consumes] of setup.consumes.entries()) if (consumes) await consume(ends[at] as End, 'subscribe')
    return world
  },

  steps,

  always({ lab, ends }) {
    for (const end of ends) {
      const { incoming, outgoing } = end.connection.stats()
      const { accepted, sent, pending, dropped } = outgoing
      lab.expect(accepted === sent + pending + total(dropped), () => `sent: ${JSON.stringify(outgoing)}`)
      const { received, delivered } = incoming
      lab.expect(
        received === delivered + incoming.pending + total(incoming.dropped),
        () => `received: ${JSON.stringify(incoming)}`,
      )
      end.checkOrder()
    }
  },

  async end(world) {
    const { lab, ends, listener } = world
    for (const end of ends) await consume(end, 'subscribe')
    // what can still be sent is, since both sides read
    for (const end of ends) {
      await lab.until(() => end.outcomes.every(({ settled }) => settled), 'sends that settle while the peer reads')
    }
    for (const end of ends) end.complete()
    for (const { connection } of ends) {
      await lab.within(connection.whenEnded, 'a connection whose sides have completed ends')
      await lab.within(connection.whenClosed, 'and closes')
    }
    await checkAtRest(world)
    lab.close(listener)
    await lab.settled()
  },
})

/** What client and server say of their messages. */
function contentsOf({ framing }: Setup): readonly [StreamMessageOptions<string>, StreamMessageOptions<string>] {
  if (framing === 'typed' || framing === 'versions') {
    const typed = (schema: unknown) => ({ schema: schema as Schema<string, string>, maxMessageBytes })
    return [typed(Text), typed(framing === 'typed' ? Text : LaterText)]
  }
  const same =
    framing === 'lines'
      ? lines({ maxLineBytes: maxMessageBytes })
      : asText(lengthPrefixed({ maxFrameBytes: maxMessageBytes }))
  return [{ framing: same }, { framing: same }]
}

/** A framing of bytes as one of texts. */
function asText(framing: ReturnType<typeof lengthPrefixed>): ReturnType<typeof lines> {
  return {
    name: framing.name,
    open(scope) {
      const { reader, writer } = framing.open(scope)
      return {
        reader: {
          get buffered() {
            return reader.buffered
          },
          get failure() {
            return reader.failure
          },
          end: () => reader.end(),
          receive: (chunk) =>
            reader.receive(chunk).map((supply) => ({
              get remaining() {
                return supply.remaining
              },
              take: () => supply.take().toString(),
              failed: (cause) => supply.failed(cause),
              discard: () => supply.discard(),
              trailing: () => supply.trailing(),
            })),
        },
        writer: {
          get bytes() {
            return writer.bytes
          },
          write: (text) => writer.write(typeof text === 'string' ? Buffer.from(text) : text),
          take: () => writer.take(),
        },
      }
    },
  }
}
