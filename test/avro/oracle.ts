/** avsc, which these tests ask for a second opinion. It generates code, so that it cannot even load where that is forbidden. */
import type Avsc from 'avsc'
import { mayGenerate } from '../../src/avro/code-generation.js'

/** avsc; nothing where no code may be generated. */
export const avro = (mayGenerate ? (await import('avsc')).default : undefined) as typeof Avsc

/** Whether there is avsc. */
export const hasAvsc = mayGenerate

/** Options of a test that is about avsc alone. */
export const withAvsc = mayGenerate ? {} : { skip: 'avsc generates code' }

/** Returns the type of avsc for a schema, with nothing of any other schema. */
export function avscType(schema: unknown): Avsc.Type {
  return avro.Type.forSchema(schema as Avsc.Schema, { registry: Object.create(null) })
}
