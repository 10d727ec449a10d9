/**
 * Asks avsc whether one's own schema is valid: the only file that imports avsc.
 *
 * It runs once for each definition, after `parse.ts` has accepted the schema. avsc sees neither the schemas of untrusted peers
 * nor any message: all bytes are written and read by generated code of our own.
 */
import avro from 'avsc'
import { invalidSchema } from './parse.js'

const longestReason = 200

/**
 * Throws if avsc refuses the schema.
 *
 * @throws RivuletError `RIVULET_INVALID_SCHEMA`, the cause being the error of avsc.
 */
export function validateWithAvsc(json: unknown): void {
  ask('schema', () => avro.Type.forSchema(json as avro.Schema, freshOptions()))
}

/**
 * Throws if avsc refuses the protocol.
 *
 * @throws RivuletError `RIVULET_INVALID_SCHEMA`, the cause being the error of avsc.
 */
export function askAboutProtocol(json: unknown): void {
  ask('protocol', () => avro.Service.forProtocol(json, freshOptions()))
}

/** avsc keeps state in its options: a fresh object each time, and a registry without a prototype. */
const freshOptions = () => ({ registry: Object.create(null), noAnonymousTypes: true })

function ask(what: string, question: () => unknown): void {
  try {
    question()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.slice(0, longestReason) : String(cause)
    throw invalidSchema([{ path: '', message: `avsc refuses the ${what}: ${reason}` }], cause)
  }
}
