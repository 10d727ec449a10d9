/**
 * Files of the repository as pages of the site: what the reference says it is defined in, and what a guide links to.
 *
 * They are plain pages with a line for each line of the file, outside the search and the navigation.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'

/** Where the pages are on the site. */
export const sourceFolder = '/source'

/** The address of a file of the repository on the site. */
export function sourceAddress(path: string): string {
  return `${sourceFolder}/${path}.html`
}

/** Writes a page for each of these files of the repository, and of all sources, into a built site. */
export function writeSourcePages(root: string, site: string, base: string, linked: Iterable<string>): void {
  const library = ['src', 'patterns'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => posix.join(folder, path.replaceAll('\\', '/'))),
  )
  for (const path of new Set([...library, ...linked])) {
    const file = join(root, path)
    const text = statSync(file).isDirectory() ? readdirSync(file).sort().join('\n') : readFileSync(file, 'utf8')
    const page = join(site, `${sourceAddress(path)}`)
    mkdirSync(dirname(page), { recursive: true })
    writeFileSync(page, pageOf(path, text, base))
  }
}

const style = `:root{color-scheme:light dark}body{margin:0;font:14px/1.6 ui-monospace,Menlo,Consolas,monospace}
header{padding:12px 24px;border-bottom:1px solid #8884;font-family:system-ui,sans-serif}a{color:inherit}
main{overflow-x:auto;padding:12px 0}pre{margin:0;width:max-content;min-width:100%}pre>span{display:block;padding:0 24px}
pre>span:target{background:#fc04}pre a{display:inline-block;width:4ch;margin-right:2ch;text-align:right;text-decoration:none;color:GrayText}`

/** A page that shows a text with its lines numbered; the anchor of line 12 is `L12`. */
export function pageOf(path: string, text: string, base: string): string {
  const lines = text
    .trimEnd()
    .split('\n')
    .map(
      (line, index) => `<span id="L${index + 1}"><a href="#L${index + 1}">${index + 1}</a>${escapeHtml(line)}</span>`,
    )
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(path)} | Rivulet</title><style>${style}</style></head>
<body><header><a href="${base}">Rivulet</a> / <strong>${escapeHtml(path)}</strong></header><main tabindex="0" aria-label="Source"><pre>${lines.join('')}</pre></main></body></html>
`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
