/**
 * Schemas and protocols of peers as text, to the readers of what is written with them; and values read with wild schemas.
 *
 * One's own schemas are parsed and compiled without avsc, of which each definition leaves half a kilobyte in memory: peers
 * cannot make one, and over millions of inputs it would hide what they can do.
 */
import { type Codec, decodeFailure } from '../../../src/avro/codec.js'
import { compile } from '../../../src/avro/compile.js'
import { compileService } from '../../../src/avro/compile-service.js'
import type { AvroSchema } from '../../../src/avro/index.js'
import { parseSchema } from '../../../src/avro/parse.js'
import { parseProtocol } from '../../../src/avro/parse-protocol.js'
import { Wild, wildValue } from '../../avro/wild.js'
import type { Random } from '../../simulation/random.js'
import { mutate } from '../mutate.js'
import { outcomeOf, type Target } from '../target.js'

const refusals = ['RIVULET_INVALID_SCHEMA', 'RIVULET_INCOMPATIBLE_SCHEMA']

/** A schema of one's own that a wild one can be read with, and its maker. */
function ownSchema(random: Random): {
  readonly wild: Wild
  readonly json: AvroSchema
  readonly codec: Codec<unknown, unknown>
} {
  for (;;) {
    const wild = new Wild(random.below(2 ** 32))
    const json = wild.schema()
    let codec: Codec<unknown, unknown> | undefined
    outcomeOf(() => {
      codec = compile(parseSchema(json, 'own'), JSON.stringify(json), 'number')
    })
    if (codec !== undefined) return { wild, json, codec }
  }
}

/** Another version of a schema as text, often with changes that no JSON has. */
function versionText(random: Random, wild: Wild, json: unknown): string {
  const text = JSON.stringify(wild.version(json as AvroSchema))
  if (random.chance(0.5)) return text
  return mutate(random, Buffer.from(text), [Buffer.from(text)]).toString()
}

/** The texts of writers' schemas. */
export const schemaTexts: Target = {
  codes: refusals,
  share: 50_000,
  begin: (random) => {
    let own = ownSchema(random)
    return () => {
      if (random.chance(0.02)) own = ownSchema(random)
      const text = versionText(random, own.wild, own.json)
      return outcomeOf(() => {
        own.codec.readerFor(text)
        own.codec.skipperFor(text)
      })
    }
  },
}

/** The texts of peers' protocols. */
export const protocolTexts: Target = {
  codes: refusals,
  share: 50_000,
  begin: (random) => {
    let next = protocolReader(random)
    return () => {
      if (random.chance(0.01)) next = protocolReader(random)
      return next()
    }
  },
}

function protocolReader(random: Random): () => string {
  const { wild, json } = ownSchema(random)
  const fault = { type: 'error', name: 'Fault', fields: [{ name: 'why', type: 'string', default: '' }] }
  const given = (type: unknown) => ({ request: [{ name: 'given', type }], response: 'string', errors: ['Fault'] })
  const tell = { request: [], response: 'null', 'one-way': true }
  const feed = { request: [{ name: 'a', type: 'int' }], response: 'long', 'x-stream': 'server' }
  const protocol = (type: unknown) => ({
    protocol: 'wild.P',
    types: [fault],
    messages: { call: given(type), tell, feed },
  })
  const own = protocol(json)
  const codec = compileService(parseProtocol(own, 'own'), JSON.stringify(own), 'number')
  return () => {
    const original = Buffer.from(JSON.stringify(protocol(wild.version(json))))
    const text = random.chance(0.4) ? original : mutate(random, original, [original])
    return outcomeOf(() => {
      for (const method of codec.against(text.toString()).methods.values()) {
        method.requestReader()
        method.responseReader()
        method.errorReader()
      }
    })
  }
}

/** Values of wild schemas, read by their own schema and by another version. */
export const values: Target = {
  codes: ['RIVULET_DECODE_FAILED', 'RIVULET_INCOMPATIBLE_SCHEMA'],
  share: 200_000,
  begin: (random) => {
    let next = wildReader(random)
    return () => {
      if (random.chance(0.005)) next = wildReader(random)
      return next()
    }
  },
}

function wildReader(random: Random): () => string {
  const { wild, json, codec } = ownSchema(random)
  const samples: Buffer[] = [Buffer.alloc(0), random.bytes(40)]
  const bytes = Buffer.alloc(16_384)
  for (let count = 0; count < 20; count++) {
    try {
      const end = codec.write(wildValue(random, json, new Map()), bytes, new DataView(bytes.buffer), 0, bytes.length)
      samples.push(Buffer.from(bytes.subarray(0, end)))
    } catch (cause) {
      if (typeof cause !== 'symbol') throw cause // a value that does not fit
    }
  }
  const readers = [codec.read]
  outcomeOf(() => readers.push(codec.readerFor(JSON.stringify(wild.version(json)))))
  outcomeOf(() => readers.push(codec.skipperFor(codec.text)))
  return () => {
    const input = mutate(random, random.pick(samples), samples)
    const read = random.pick(readers)
    return outcomeOf(() => {
      try {
        read(input, new DataView(input.buffer, input.byteOffset, input.length), { position: 0 }, input.length)
      } catch (cause) {
        if (cause instanceof Error) throw cause
        throw decodeFailure(cause, 'a value')
      }
    })
  }
}
