/**
 * Asks avsc whether one's own schema is valid: the only file that loads avsc.
 *
 * It runs once for each definition, after `parse.ts` has accepted the schema. avsc sees neither the schemas of untrusted peers
 * nor any message: all bytes are written and read by codecs of our own. It generates code as soon as it loads, so where that
 * is forbidden it is not asked; `parse.ts` has refused before what it would refuse.
 */
import { createRequire } from 'node:module'
import type Avsc from 'avsc'
import { mayGenerate } from './code-generation.js'
import { invalidSchema } from './parse.js'

const load = createRequire(import.meta.url)

const longestReason = 200

/**
 * Throws if avsc refuses the schema.
 *
 * @throws RivuletError `RIVULET_INVALID_SCHEMA`, the cause being the error of avsc.
 */
export function validateWithAvsc(json: unknown): void {
  ask('schema', (avro) => avro.Type.forSchema(json as Avsc.Schema, freshOptions()))
}

/**
 * Throws if avsc refuses the protocol.
 *
 * @throws RivuletError `RIVULET_INVALID_SCHEMA`, the cause being the error of avsc.
 */
export function askAboutProtocol(json: unknown): void {
  ask('protocol', (avro) => avro.Service.forProtocol(json, freshOptions()))
}

/** avsc keeps state in its options: a fresh object each time, and a registry without a prototype. */
const freshOptions = () => ({ registry: Object.create(null), noAnonymousTypes: true })

function ask(what: string, question: (avro: typeof Avsc) => unknown): void {
  if (!mayGenerate) return
  const avro = load('avsc') as typeof Avsc
  try {
    question(avro)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.slice(0, longestReason) : String(cause)
    throw invalidSchema([{ path: '', message: `avsc refuses the ${what}: ${reason}` }], cause)
  }
}
