/** The links of the documents: those into the repository name files, and headings, that exist. */
import { readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'
import t from 'tap'
import { root } from '../../tools/build.js'
import { slug } from '../../tools/docs/slug.js'
import { guidePaths } from './sources.js'

const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', 'examples/orders/README.md'],
  ...guidePaths(),
]

/** The places of a page that links name: its headings, as GitHub and the site identify them, and its anchors. */
function places(text: string): string[] {
  const headings = [...text.matchAll(/^#{1,6} (.*)$/gm)].map(([, title = '']) => slug(title))
  return [...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id)]
}

/** Links of a page that lead nowhere; `read` gives the text of a file, if there is one. */
function broken(path: string, text: string, read: (path: string) => string | undefined): string[] {
  return (
    [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      // the reference is generated: `site.test.ts` checks links into it
      .filter((target) => !posix.join(posix.dirname(path), target).startsWith('docs/reference/api/'))
      .filter((target) => {
        const [file = '', heading] = target.split('#')
        const found = file === '' ? text : read(posix.join(posix.dirname(path), file))
        return found === undefined || (heading !== undefined && !places(found).includes(heading))
      })
      .map((target) => `${path}: ${target}`)
  )
}

const read = (path: string): string | undefined => {
  const file = statSync(join(root, path), { throwIfNoEntry: false })
  if (file === undefined) return
  return file.isFile() ? readFileSync(join(root, path), 'utf8') : ''
}

t.test('links lead somewhere', async (t) => {
  for (const path of pages) t.strictSame(broken(path, readFileSync(join(root, path), 'utf8'), read), [], path)
})

t.test('links that lead nowhere are found', async (t) => {
  const there = (path: string): string | undefined =>
    path === 'docs/b.md' ? '# The `b` page\n<a id="c"></a>\n' : undefined
  const text =
    '[1](b.md) [2](b.md#the-b-page) [2](b.md#c) [3](https://example.org/x) [4](c.md) [5](b.md#gone) [6](#gone)'
  t.strictSame(broken('docs/a.md', text, there), ['docs/a.md: c.md', 'docs/a.md: b.md#gone', 'docs/a.md: #gone'])
})
