/** Pages, comments, messages and names are plain technical English: phrases that stand for no term are not used. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../../tools/build.js'
import { checkNames, checkPhrases, type TextFile } from './language.js'
import { guidePaths, listFiles } from './sources.js'

const read = (paths: readonly string[]): TextFile[] =>
  paths.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))

const sources = ['src', 'patterns', 'examples', 'tools', 'bench'].flatMap((folder) => listFiles(folder, '.ts'))
const guides = guidePaths()
const pages = [...guides, 'README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'examples/orders/README.md']

t.test('no text uses a phrase to avoid', async (t) => {
  t.ok(sources.length > 300 && pages.length > 10)
  t.strictSame(checkPhrases(read([...sources, ...pages])), [])
})

t.test('no name of the package has a part that stands for no term', async (t) => {
  t.strictSame(checkNames(read(sources.filter((path) => /^(src|patterns|examples)\//.test(path)))), [])
})

t.test('planted phrases and names are found, with their lines', async (t) => {
  const found = (text: string): string[] => checkPhrases([{ path: 'a.ts', text }])
  for (const text of [
    'Losses are told.',
    '/** Whoever was cut comes back. */',
    'who comes late misses it',
    '`what is gone` is gone',
    'const error = "a frame of a stranger that makes no sense"',
    ' * It takes 5 s at the\n * most.',
    '// it begins\n  // anew, by\n  // itself',
    'the session goes on',
    'the call is over',
    'frames that are under way, or on their way',
    'How is its business.',
  ]) {
    t.ok(found(text).length > 0, text)
  }
  t.strictSame(found('one\n * two at the\n * most'), ["a.ts:2 says 'at the most': write at most, at least"])
  for (const text of ['a frame is over the limit', 'at most 5', 'a storytelling saying', 'a client over another']) {
    t.strictSame(found(text), [], text)
  }
  const names = checkNames([{ path: 'a.ts', text: '// told\nfunction toldError(#heardAt, retold, goOnLater) {}' }])
  t.equal(names.length, 3)
  t.match(names[0], "a.ts:2 has the name 'toldError'")
})
