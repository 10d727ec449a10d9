/** The texts of the schemas that messages were written with, by their ids, as one node knows them from all its links. */
import { createHash } from 'node:crypto'
import { schemaLimits } from '../../src/avro/codec.js'
import { RivuletError } from '../../src/errors/index.js'
import { invalidRequest } from './invalid-request.js'

/** Texts that are remembered, and their characters together. */
const maxTexts = 4096
const maxCharacters = 16_777_216

/** The schemas of writers. */
export class SchemaTexts {
  readonly #texts = new Map<string, string>()
  #characters = 0

  /**
   * Returns the text of a schema, which comes with the first batch of a stream that was written with it.
   *
   * @throws RIVULET_INVALID_REQUEST if the text is not that of the id; RIVULET_UNAVAILABLE if it is not known any more: the next
   * stream brings it again.
   */
  textOf(key: string, given: string | undefined): string {
    const known = this.#texts.get(key)
    if (known !== undefined) return known
    if (given === undefined)
      throw new RivuletError('RIVULET_UNAVAILABLE', 'the schema of a batch is not known any more')
    if (given.length > schemaLimits.textBytes) throw invalidRequest(`a schema has ${given.length} characters`)
    const digest = createHash('sha256').update(given).digest()
    if (digest.toString('latin1', 0, 16) !== key) throw invalidRequest('a schema does not match its hash')
    this.#texts.set(key, given)
    this.#characters += given.length
    for (const [oldest, text] of this.#texts) {
      if (this.#texts.size <= maxTexts && this.#characters <= maxCharacters) break
      this.#texts.delete(oldest)
      this.#characters -= text.length
    }
    return given
  }
}
