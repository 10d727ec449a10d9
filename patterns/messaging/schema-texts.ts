/** The texts of the schemas that messages were written with, by their ids, as one node knows them from all its links. */
import { createHash } from 'node:crypto'
import { schemaLimits } from '../../src/avro/codec.js'
import { RivuletError } from '../../src/errors/index.js'
import { invalidRequest } from './invalid-request.js'

/** Texts that are remembered, and their characters together: of all, and of one sender. */
const maxTexts = 4096
const maxCharacters = 16_777_216
const maxTextsOfOne = 512
const maxCharactersOfOne = 2_097_152

/** What came from one key, or from one session without security: the first to have come in front. */
interface Source {
  readonly keys: Set<string>
  characters: number
}

/** The schemas of writers. */
export class SchemaTexts {
  readonly #texts = new Map<string, string>()
  readonly #sources = new Map<string, Source>()
  #characters = 0

  /**
   * Returns the text of a schema, which comes with the first batch of a stream that was written with it.
   *
   * A sender beyond its bound forgets texts of its own; of all together, that of the heaviest is forgotten, so that nobody empties the
   * table of the others.
   *
   * @param from - The key of the sender, or its session.
   * @throws RIVULET_INVALID_REQUEST if the text is not that of the id; RIVULET_UNAVAILABLE if it is not known any more: the next
   * stream brings it again.
   */
  textOf(key: string, given: string | undefined, from: string): string {
    const known = this.#texts.get(key)
    if (known !== undefined) return known
    if (given === undefined)
      throw new RivuletError('RIVULET_UNAVAILABLE', 'the schema of a batch is not known any more')
    if (given.length > schemaLimits.textBytes) throw invalidRequest(`a schema has ${given.length} characters`)
    const digest = createHash('sha256').update(given).digest()
    if (digest.toString('latin1', 0, 16) !== key) throw invalidRequest('a schema does not match its hash')
    this.#texts.set(key, given)
    this.#characters += given.length
    const source = this.#sources.get(from) ?? { keys: new Set(), characters: 0 }
    this.#sources.set(from, source)
    source.keys.add(key)
    source.characters += given.length
    while (source.keys.size > maxTextsOfOne || source.characters > maxCharactersOfOne) this.#forgetFirst(from, source)
    while (this.#texts.size > maxTexts || this.#characters > maxCharacters) this.#forgetFirst(...this.#heaviest())
    return given
  }

  #heaviest(): [from: string, source: Source] {
    const share = ({ keys, characters }: Source) => Math.max(keys.size / maxTexts, characters / maxCharacters)
    return [...this.#sources].reduce((one, other) => (share(other[1]) > share(one[1]) ? other : one))
  }

  #forgetFirst(from: string, source: Source): void {
    const key = source.keys.values().next().value as string
    const { length } = this.#texts.get(key) as string
    this.#texts.delete(key)
    source.keys.delete(key)
    source.characters -= length
    this.#characters -= length
    if (source.keys.size === 0) this.#sources.delete(from)
  }
}
