/**
 * The list of error codes against its page, both ways, and against the code: each code is used, none is invented.
 *
 * Each section of docs/reference/errors.md begins with fixed lines made from the list; what follows them is free.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { errorCodes } from '../../src/errors/codes.js'
import { root } from '../../tools/build.js'
import { parse, readSources, type SourceFile, sourceFile } from './sources.js'

interface Entry {
  readonly meaning: string
  readonly remedy: string
  readonly retryable: boolean
}

const codes: Readonly<Record<string, Entry>> = errorCodes

/** The fixed beginning of the section of a code. */
function section(code: string, { meaning, remedy, retryable }: Entry): string {
  return `## ${code}\n\n${meaning}\n\n- **Remedy:** ${remedy}\n- **Retryable:** ${retryable ? 'yes' : 'no'}\n`
}

/** What is wrong with the page: sections that are missing or differ from the list, and sections without a code. */
function checkPage(page: string, list: Readonly<Record<string, Entry>>): string[] {
  const wrong = Object.entries(list)
    .filter(([code, entry]) => !page.includes(section(code, entry)))
    .map(([code, entry]) => `docs/reference/errors.md needs this section:\n\n${section(code, entry)}`)
  const headings = [...page.matchAll(/^#{1,6} .*?(RIVULET_\w+)/gm)].map((match) => match[1] ?? '')
  const unknown = headings.filter((code) => !(code in list)).map((code) => `${code} has a section and no entry`)
  const twice = headings
    .filter((code, index) => headings.indexOf(code) < index)
    .map((code) => `${code} has two sections`)
  const order = Object.keys(list).join() === headings.join() ? [] : ['the sections are not in the order of the list']
  return [...wrong, ...unknown, ...twice, ...order]
}

/** The codes that the text of a file's program names: literals, not comments. */
function codesIn(file: SourceFile): string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) && /^RIVULET_[A-Z0-9_]+$/.test(node.text)) found.push(node.text)
    ts.forEachChild(node, visit)
  }
  visit(parse(file.path, file.text))
  return found
}

/** What is wrong with the use of codes: unused ones, and ones that the list does not have. */
function checkUse(files: readonly SourceFile[], list: Readonly<Record<string, Entry>>): string[] {
  const used = new Map(files.flatMap((file) => codesIn(file).map((code) => [code, file.path] as const)))
  const unused = Object.keys(list).filter((code) => !used.has(code))
  const invented = [...used].filter(([code]) => !(code in list))
  return [
    ...unused.map((code) => `${code} is used nowhere`),
    ...invented.map(([code, path]) => `${path}: ${code} is not listed`),
  ]
}

const page = readFileSync(join(root, 'docs', 'reference', 'errors.md'), 'utf8')
const sources = readSources('src', 'patterns').filter(({ path }) => path !== 'src/errors/codes.ts')

t.test('the page says what the list says, in its order', async (t) => {
  t.ok(Object.keys(codes).length > 0)
  t.strictSame(checkPage(page, codes), [])
})

t.test('every code is used, and no other', async (t) => {
  t.strictSame(checkUse(sources, codes), [])
})

t.test('the checks complain', async (t) => {
  const one: Entry = { meaning: 'It broke.', remedy: 'Mend it.', retryable: false }
  const list = { RIVULET_ONE: one }
  const right = `# Errors\n\n${section('RIVULET_ONE', one)}\nMore about it.\n`
  t.strictSame(checkPage(right, list), [])
  t.equal(checkPage('# Errors\n', list).length, 2)
  t.equal(checkPage(right.replace('Mend it', 'Burn it'), list).length, 1)
  t.equal(checkPage(right.replace('Retryable:** no', 'Retryable:** yes'), list).length, 1)
  t.match(checkPage(`${right}\n## RIVULET_TWO\n`, list), ['RIVULET_TWO has a section and no entry'])
  const file = (text: string): SourceFile => sourceFile('src/a.ts', text)
  t.strictSame(checkUse([file("fail('RIVULET_ONE')")], list), [])
  t.strictSame(checkUse([file('// RIVULET_ONE')], list), ['RIVULET_ONE is used nowhere'])
  t.strictSame(checkUse([file("fail('RIVULET_ONE'); fail('RIVULET_TWO')")], list), [
    'src/a.ts: RIVULET_TWO is not listed',
  ])
})
