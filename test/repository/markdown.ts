/**
 * The code that the documents show: fenced blocks of pages, and `@example` blocks of docstrings.
 *
 * It finds them; `snippets.test.ts` compiles and runs them.
 */
import type { SourceFile } from './sources.js'

/** A block of code and where it stands. */
export interface Snippet {
  /** The file and the line of its first line of code, `README.md:12`. */
  readonly place: string
  readonly code: string
  /** Whether it is compiled and not run. */
  readonly compileOnly: boolean
}

/** The snippets of a document and what is wrong with their fences. */
export interface Found {
  readonly snippets: readonly Snippet[]
  readonly complaints: readonly string[]
}

/** Names of JavaScript and TypeScript that would slip past the tests. */
const otherNames = ['typescript', 'js', 'javascript', 'mjs', 'cjs', 'mts', 'cts', 'tsx', 'jsx', '']

/** The TypeScript blocks of a page in Markdown; a name in brackets after `ts` is that of a tab. */
export function snippetsOf(path: string, text: string): Found {
  const snippets: Snippet[] = []
  const complaints: string[] = []
  let open: { fence: string; info: string; start: number; code: string[] } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^\s*(`{3,}|~{3,})(.*)$/.exec(line)
    if (open === undefined) {
      if (fence !== null) open = { fence: fence[1] ?? '', info: (fence[2] ?? '').trim(), start: index + 2, code: [] }
    } else if (fence !== null && fence[2]?.trim() === '' && fence[1]?.startsWith(open.fence)) {
      const place = `${path}:${open.start}`
      const [language = '', ...words] = open.info.replace(/ \[[^\]]+\]$/, '').split(/\s+/)
      const known = words.every((word) => word === 'compile-only')
      if (otherNames.includes(language.toLowerCase()))
        complaints.push(`${place}: a fence named "${language}"; use ts, or text`)
      else if (language === 'ts' && !known)
        complaints.push(`${place}: "${words.join(' ')}" after ts; only compile-only may follow`)
      else if (language === 'ts') snippets.push({ place, code: open.code.join('\n'), compileOnly: words.length > 0 })
      open = undefined
    } else open.code.push(line)
  }
  if (open !== undefined) complaints.push(`${path}:${open.start}: a fence that does not end`)
  return { snippets, complaints }
}

/** The `@example` blocks of the docstrings of a source file. */
export function examplesOf({ path, text }: SourceFile): Found {
  const snippets: Snippet[] = []
  const complaints: string[] = []
  for (const comment of text.matchAll(/^[ \t]*\/\*\*[\s\S]*?\*\//gm)) {
    const before = text.slice(0, comment.index).split('\n').length - 1
    const lines = comment[0].split('\n').map((line) => line.replace(/^\s*(\/\*\*|\*\/|\* ?)/, '').replace(/\*\/$/, ''))
    for (const [index, line] of lines.entries()) {
      if (!line.startsWith('@example')) continue
      const length = lines.slice(index + 1).findIndex((other) => /^@\w/.test(other))
      const body = lines.slice(0, length < 0 ? lines.length : index + 1 + length).fill('', 0, index + 1)
      const found = snippetsOf(path, `${'\n'.repeat(before)}${body.join('\n')}`)
      complaints.push(...found.complaints)
      if (found.snippets.length === 0) complaints.push(`${path}:${before + index + 1}: @example without a ts block`)
      snippets.push(...found.snippets)
    }
  }
  return { snippets, complaints }
}
