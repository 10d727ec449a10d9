/**
 * Every TypeScript block of README.md, of the pages in docs, and of the docstrings: compiled, and run to its end.
 *
 * Each is a program of its own that imports the package by its public entries, as a reader would paste it.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import type ts from 'typescript'
import { build, root } from '../../tools/build.js'
import { complaint, run } from '../child-process.js'
import { checkPublicImports } from './fences.js'
import { entries } from './manifest.js'
import { examplesOf, type Snippet, snippetsOf } from './markdown.js'
import { guidePaths, readSources, sourceFile } from './sources.js'
import { compile } from './type-check.js'

const timeoutMs = 15_000
const togetherMs = 60_000

const pages = ['README.md', ...guidePaths()]
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

  const running = waiting
    .filter(({ snippet }) => !snippet.compileOnly && !wrong.has(snippet.place))
    .map(({ snippet, file }) => ({ place: snippet.place, program: file.replace(/\.ts$/, '.js') }))
  const together = await runTogether(
    folder,
    running.map(({ program }) => program),
  )
  if (together === undefined) return wrong
  const alone = new Map<string, string>()
  for (const { place, program } of running) {
    const words = complaint(await run(process.execPath, [program], { cwd: folder, timeoutMs }))
    if (words !== undefined) alone.set(place, words)
  }
  if (alone.size === 0) alone.set('all in one process', together)
  return new Map([...wrong, ...alone])
}

/**
 * Runs programs one after another in one process; returns what is wrong if any of them is.
 *
 * A process for each takes ten times as long. A program that throws, does not settle, keeps the process alive or ends it
 * is found, since the process then does not end with code 0 after the last program. Which one it is stays open.
 */
async function runTogether(
  folder: string,
  programs: readonly string[],
  timeoutMs = togetherMs,
): Promise<string | undefined> {
  const done = 'after the last program'
  const lines = programs.map((program) => `await import(${JSON.stringify(pathToFileURL(program))})`)
  writeFileSync(join(folder, 'together.mjs'), [...lines, `console.log('${done}')`].join('\n'))
  const ended = await run(process.execPath, ['together.mjs'], { cwd: folder, timeoutMs })
  return complaint(ended) ?? (ended.stdout.includes(done) ? undefined : 'ended before the last program')
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

t.test('of programs in one process, one that is wrong is enough', async (t) => {
  const programs: readonly (readonly [code: string, words: RegExp | undefined, timeoutMs?: number])[] = [
    ['console.log(1)', undefined],
    ["throw new Error('no')", /^ended with code 1\n/],
    ["setTimeout(() => { throw new Error('late') })", /^ended with code 1\n/],
    ['await new Promise(() => {})', /^ended with code 13\n/],
    ['process.exit(0)', /^ended before the last program$/],
    ['setInterval(() => {}, 1000)', /^did not end in time/, 1000],
  ]
  const folder = t.testdir({ 'package.json': '{ "type": "module" }', 'right.js': 'console.log(2)' })
  const right = join(folder, 'right.js')
  for (const [index, [code, words, timeoutMs]] of programs.entries()) {
    const program = join(folder, `${index}.js`)
    writeFileSync(program, code)
    t.match((await runTogether(folder, [right, program, right], timeoutMs)) ?? '', words ?? /^$/, code)
  }
})

t.test('fences that would slip past are found', async (t) => {
  const page = (...lines: string[]): number => snippetsOf('a.md', lines.join('\n')).complaints.length
  t.equal(page('```ts', 'a', '```', '```sh', 'b', '```', '```ts compile-only', 'c', '```'), 0)
  t.equal(page('```ts [Queue]', 'a', '```'), 0)
  t.equal(page('```ts fragment [Queue]', 'a', '```'), 1)
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
