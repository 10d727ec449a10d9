/** The length of pages: one topic each, outside the reference and what contributors read. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../../tools/build.js'
import { guidePaths } from './sources.js'

const maxWords = 1200

/** How many words a page has outside its code. */
function wordsOf(text: string): number {
  return text
    .replaceAll(/^ *(```|~~~)[\s\S]*?^ *\1 *$/gm, '')
    .split(/[\s|]+/)
    .filter((word) => /[\p{L}\p{N}]/u.test(word)).length
}

const guides = guidePaths().filter((path) => !/^docs\/(reference|contributing)\//.test(path))

t.test('a page has one topic: at most 1,200 words', async (t) => {
  t.ok(guides.length > 30)
  const long = guides
    .map((path) => ({ path, words: wordsOf(readFileSync(join(root, path), 'utf8')) }))
    .filter(({ words }) => words > maxWords)
  t.strictSame(long, [])
  t.equal(wordsOf('Two `words`\n\n```ts\nno word\n```\n\n| and | two |\n| --- | --- |\n'), 4)
})
