/** Rivulet's streams with pieces of bytes as typed messages: apart from the others, which load nothing of Avro. */
import { defineSchema } from 'rivulet/avro'
import type { ByteWay } from './byte-way.js'
import { rivuletPieces } from './rivulet-bytes.js'

export const rivuletTypedBytes: ByteWay = rivuletPieces({ schema: defineSchema('bytes') })
