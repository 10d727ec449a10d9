/**
 * Patterns of policies: words between dots, with the wildcards that topics have.
 *
 * `*` is one word, `#` at the end any number of words, none included. A target may be a pattern itself, as a subscription is:
 * it fits only if everything that it stands for does.
 */

const mostPatternCharacters = 512

/** Tells whether the words of a target fit. */
export type TargetPattern = (target: string) => boolean

/** Takes a pattern apart; returns what is wrong with it if it is none. */
export function targetPattern(text: unknown): TargetPattern | string {
  if (typeof text !== 'string' || text === '') return 'must be a text that is not empty'
  if (text.length > mostPatternCharacters) return `must have at most ${mostPatternCharacters} characters`
  const words = text.split('.')
  if (words.includes('')) return 'must have no empty word between its dots'
  const open = words.at(-1) === '#'
  const fixed = open ? words.slice(0, -1) : words
  if (fixed.includes('#')) return "must have '#' only as its last word; '*' is one word"
  const foreign = words.find((word) => word === '**' || word === '>')
  if (foreign !== undefined) return `must not have the word '${foreign}'; '#' at the end is any number of words`
  if (!open && !fixed.includes('*')) return (target) => target === text
  return (target) => {
    const given = target.split('.', fixed.length + 2)
    // one that ends with '#' stands for any number of words, all of which must fit
    const isOpen = given.at(-1) === '#' && given.length <= fixed.length + 1
    const words = isOpen ? given.length - 1 : given.length
    if (open ? words < fixed.length : isOpen || words !== fixed.length) return false
    return fixed.every((word, at) => word === '*' || word === given[at])
  }
}
