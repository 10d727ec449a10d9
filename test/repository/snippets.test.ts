/**
 * Every TypeScript block of README.md, of the pages in docs, and of the docstrings: compiled, and run to its end.
 *
 * Each is a program of its own that imports the package by its public entries, as a reader would paste it.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type ts from 'typescript'
import { build, root } from '../../tools/build.js'
import { complaint, run } from '../child-process.js'
import { checkPublicImports } from './fences.js'
import { entries } from './manifest.js'
import { examplesOf, type Snippet, snippetsOf } from './markdown.js'
import { listFiles, readSources, sourceFile } from './sources.js'
import { compile } from './type-check.js'

const atOnce = 2
const timeoutMs = 15_000

const pages = ['README.md', ...listFiles('docs', '.md').filter((path) => !path.startsWith('docs/api/'))]
const found = [
  ...pages.map((path) => snippetsOf(path, readFileSync(join(root, path), 'utf8'))),
  ...readSources('src', 'patterns').map(examplesOf),
]
const snippets = found.flatMap((page) => page.snippets)

/** Writes snippets as programs into a folder with the package; returns what is wrong with each, by its place. */
async function check(
  folder: string,
  programs: readonly Snippet[],
  options: ts.CompilerOptions = {},
): Promise<Map<string, string>> {
  mkdirSync(join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  symlinkSync(root, join(folder, 'node_modules', 'rivulet'), 'dir')
  symlinkSync(join(root, 'node_modules', 'rxjs'), join(folder, 'node_modules', 'rxjs'), 'dir')
  const waiting = programs.map((snippet, index) => ({ snippet, file: join(folder, `snippet-${index + 1}.ts`) }))
  for (const { snippet, file } of waiting) writeFileSync(file, `${snippet.code}\nexport {}\n`)

  const wrong = new Map<string, string>()
  const said = compile(
    waiting.map(({ file }) => file),
    options,
  )
  for (const { snippet, file } of waiting) {
    const imports = checkPublicImports([sourceFile('docs/page.ts', snippet.code)], entries)
    const words = [...imports, ...(said.get(file) ?? [])]
    if (words.length > 0) wrong.set(snippet.place, words.join('\n'))
    said.delete(file)
  }
  if (said.size > 0) wrong.set('the declaration files', [...said.values()].flat().join('\n'))

  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { snippet, file } = next
      if (snippet.compileOnly || wrong.has(snippet.place)) continue
      const words = complaint(await run(process.execPath, [file.replace(/\.ts$/, '.js')], { cwd: folder, timeoutMs }))
      if (words !== undefined) wrong.set(snippet.place, words)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return wrong
}

t.before(build)

t.test('every snippet compiles, runs, and ends by itself', async (t) => {
  t.strictSame(
    found.flatMap((page) => page.complaints),
    [],
  )
  t.ok(
    snippets.some(({ place }) => place.startsWith('README.md')),
    'README.md shows code',
  )
  const wrong = await check(t.testdir(), snippets)
  for (const { place } of snippets) t.equal(wrong.get(place), undefined, place)
  t.equal(wrong.get('the declaration files'), undefined, 'the declaration files')
})

t.test('snippets that are wrong are found', async (t) => {
  const programs: Snippet[] = [
    {
      place: 'right',
      code: "import { defineSchema } from 'rivulet/avro'\ndefineSchema({ type: 'string' })",
      compileOnly: false,
    },
    { place: 'type', code: 'const a: string = 1', compileOnly: true },
    {
      place: 'inside',
      code: "import * as inside from 'rivulet/dist/src/errors/index.js'\nconsole.log(inside)",
      compileOnly: false,
    },
    { place: 'throws', code: "throw new Error('no')", compileOnly: false },
    { place: 'waits', code: 'await new Promise(() => {})', compileOnly: false },
    { place: 'not run', code: "throw new Error('no')", compileOnly: true },
  ]
  const wrong = await check(t.testdir(), programs, { skipLibCheck: true })
  t.strictSame([...wrong.keys()].sort(), ['inside', 'throws', 'type', 'waits'])
})

t.test('fences that would slip past are found', async (t) => {
  const page = (...lines: string[]): number => snippetsOf('a.md', lines.join('\n')).complaints.length
  t.equal(page('```ts', 'a', '```', '```sh', 'b', '```', '```ts compile-only', 'c', '```'), 0)
  t.equal(page('```ts fragment', 'a', '```'), 1)
  t.equal(page('```typescript', 'a', '```'), 1)
  t.equal(page('```js', 'a', '```'), 1)
  t.equal(page('```', 'a', '```'), 1)
  t.equal(page('```ts', 'a'), 1)
})

t.test('snippets keep their places', async (t) => {
  const [first, second] = snippetsOf('a.md', 'Text\n\n```ts\none\n```\n~~~~ts compile-only\n```\n~~~~\n').snippets
  t.strictSame(first, { place: 'a.md:4', code: 'one', compileOnly: false })
  t.strictSame(second, { place: 'a.md:7', code: '```', compileOnly: true })
  const lines = [
    '/** File. */',
    '/**',
    ' * Does it.',
    ' *',
    ' * @example',
    ' * ```ts',
    ' * one',
    ' *   two',
    ' * ```',
    ' * @see a',
    ' */',
  ]
  const { snippets, complaints } = examplesOf(sourceFile('src/a.ts', lines.join('\n')))
  t.strictSame(snippets, [{ place: 'src/a.ts:7', code: 'one\n  two', compileOnly: false }])
  t.strictSame(complaints, [])
  t.equal(examplesOf(sourceFile('src/a.ts', '/**\n * @example one()\n */')).complaints.length, 1)
})
