/**
 * The pages of the public interface below `docs/reference/api`: made by TypeDoc, then joined with the rest of the site.
 *
 * The codes of errors become links to their page, and a factory shows the options that it takes. A member without a
 * docstring, and any other warning of TypeDoc, fails it.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { root } from '../build.js'

const errorsPage = 'reference/errors.md'

/** Makes the pages in a folder below `docs`; `json` is a file for TypeDoc's own description. */
export function writeApiPages(docs: string, json?: string): void {
  const parent = join(root, '.tap')
  mkdirSync(parent, { recursive: true })
  const stage = mkdtempSync(join(parent, 'api-'))
  const folder = join(stage, 'reference', 'api')
  try {
    runTypeDoc(stage, folder, json)
    const pages = new Map(
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((path) => /\.(md|json)$/.test(path))
        .map((path) => [path.replaceAll('\\', '/'), readFileSync(join(folder, path), 'utf8')]),
    )
    replaceFiles(join(docs, 'reference', 'api'), joinPages(pages))
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

function runTypeDoc(stage: string, folder: string, json: string | undefined): void {
  // errors of the compiler are found where everything is compiled
  const args = [
    '--skipErrorChecking',
    '--logLevel',
    'Warn',
    '--docsRoot',
    stage,
    '--out',
    folder,
    ...(json ? ['--json', json] : []),
  ]
  const program = join(root, 'node_modules', 'typedoc', 'bin', 'typedoc')
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`TypeDoc failed:\n${stdout}${stderr}`)
}

/** Pages with links to errors, and with the options of factories. */
export function joinPages(pages: ReadonlyMap<string, string>): Map<string, string> {
  const texts = new Map([...pages].map(([path, text]) => [path, path.endsWith('.md') ? wordedDefaults(text) : text]))
  const done = [...texts].map(([path, text]): [string, string] => {
    if (!path.endsWith('.md')) return [path, text.replaceAll('\\', '/')]
    const linked = linkCodes(path, path.includes('/functions/') ? withOptions(path, text, texts) : text)
    return [path, withFrontMatter(linked)]
  })
  return new Map(done)
}

/** Tables of options in which words for a default are no code, and options without one are required. */
function wordedDefaults(text: string): string {
  return text.replaceAll(/^\| Property \| Type \| Default value \|[^\n]*\n(?:\|[^\n]*(?:\n|$))*/gm, (table) =>
    table
      .split('\n')
      .map((line) => {
        const cells = line.split(/(?<!\\)\|/)
        const [, words] = /^ `([a-z][^`']*)` $/.exec(cells[3] ?? '') ?? []
        if (words === undefined || /^(?:true|false)$/.test(words)) return line
        cells[3] = words === 'undefined' ? ' required ' : ` ${words} `
        return cells.join('|')
      })
      .join('\n'),
  )
}

/** The codes of errors as links: not in code blocks, headings and links. */
function linkCodes(path: string, text: string): string {
  const target = posix.relative(posix.join('reference/api', dirname(path)), errorsPage)
  return text
    .split(/(^```[\s\S]*?^```$|^#.*$|\[[^\]]*\]\([^)]*\))/m)
    .map((part, index) =>
      index % 2 === 1
        ? part
        : part.replaceAll(
            /`?\b(RIVULET(?:_[A-Z]+)+)\b(?!_)`?/g,
            (_, code: string) => `[\`${code}\`](${target}#${code.toLowerCase()})`,
          ),
    )
    .join('')
}

/** A page of a function with the tables of the options that it takes. */
function withOptions(path: string, text: string, pages: ReadonlyMap<string, string>): string {
  const [, parameters = ''] = /^## Parameters\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(text) ?? []
  const tables = [...parameters.matchAll(/\[`(\w*Options)`\]\(([^)]+)\)/g)].flatMap(([, name = '', link = '']) => {
    const file = posix.join(dirname(path), link)
    const [, table] = /^## Properties\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(pages.get(file) ?? '') ?? []
    if (table === undefined) return []
    return [`## ${name}\n\nThe fields of [\`${name}\`](${link}).\n${moveLinks(table, dirname(file), dirname(path))}`]
  })
  if (tables.length === 0) return text
  const end = /^## Returns$/m.exec(text)?.index ?? text.length
  return `${text.slice(0, end)}${tables.join('\n')}\n${text.slice(end)}`
}

/** Text with its relative links as they are in another folder. */
function moveLinks(text: string, from: string, to: string): string {
  return text.replaceAll(/\]\(([^)]+)\)/g, (all, link: string) =>
    /^([a-z]+:|\/|#)/.test(link) ? all : `](${posix.relative(to, posix.join(from, link))})`,
  )
}

/** What the site needs to know of a generated page. */
function withFrontMatter(text: string): string {
  return `---\noutline: [2, 3]\neditLink: false\n---\n\n${text}`
}

/** Makes a folder hold these files and no others; folders stay, since others may list them at this moment. */
function replaceFiles(folder: string, files: ReadonlyMap<string, string>): void {
  mkdirSync(folder, { recursive: true })
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = posix.relative(folder, posix.join(entry.parentPath, entry.name))
    if (entry.isFile() && !files.has(path)) rmSync(join(folder, path))
  }
}
