/** docs/contributing/architecture.md against the repository: each folder of the sources has a row, and each path that it names is there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { root } from '../../tools/build.js'

const page = readFileSync(join(root, 'docs/contributing/architecture.md'), 'utf8')

/** Paths of a text that are not there; a bare file name stands in the folder of the path before it in its line. */
function missingPaths(text: string, exists: (path: string) => boolean): string[] {
  const missing: string[] = []
  for (const line of text.split('\n')) {
    let folder: string | undefined
    for (const [, name = ''] of line.matchAll(/`([\w./-]+)`/g)) {
      const isPath = /^(src|patterns|test|docs|examples)\//.test(name)
      if (isPath) folder = name.endsWith('.ts') ? dirname(name) : name
      if (!isPath && !(folder !== undefined && /^[\w-]+\.ts$/.test(name))) continue
      const path = isPath ? name : join(folder as string, name)
      if (!path.includes('NAME') && !exists(path)) missing.push(path)
    }
  }
  return missing
}

t.test('each path that the page names is there', async (t) => {
  t.strictSame(
    missingPaths(page, (path) => existsSync(join(root, path))),
    [],
  )
  const text = '| a | `src/a/b.ts`, `c.ts` and `patterns/d/`; `Name` of `src/e` |\n| `f.ts` | `src/g.ts` |'
  t.strictSame(
    missingPaths(text, () => false),
    ['src/a/b.ts', 'src/a/c.ts', 'patterns/d/', 'src/e', 'src/g.ts'],
  )
})

t.test('each folder of the sources has a row', async (t) => {
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const rows = page.split('\n').filter((line) => line.startsWith('| `src/'))
  const without = folders.map(({ name }) => name).filter((name) => !rows.some((row) => row.includes(`\`src/${name}\``)))
  t.strictSame(without, [])
  t.ok(folders.length > 10)
})
