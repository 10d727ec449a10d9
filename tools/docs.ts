/**
 * `npm run docs`: the whole site, from the pages in `docs` and the docstrings of the public interface.
 *
 * The pages of the interface go to `docs/reference/api`, the site to `docs/.vitepress/dist`; `--out` names another folder,
 * `--base` the path below which the site will be served (one per version: `--base /0.1/`), `--json` a file for TypeDoc's
 * description of the interface. It needs no network, and prints how long it took.
 */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'vitepress'
import { root } from './build.js'
import { writeApiPages } from './docs/api-pages.js'

const { values } = parseArgs({
  options: { out: { type: 'string' }, base: { type: 'string' }, json: { type: 'string' } },
})
const docs = join(root, 'docs')
const seconds = (begin: number): string => `${((performance.now() - begin) / 1000).toFixed(1)} s`

const begin = performance.now()
writeApiPages(docs, values.json)
console.log(`reference in ${seconds(begin)}`)
// links to other files of the repository stay as they are: VitePress takes them for pages otherwise
process.env.VITE_EXTRA_EXTENSIONS = 'avsc,avpr'
await build(docs, {
  ...(values.out === undefined ? {} : { outDir: resolve(values.out) }),
  ...(values.base === undefined ? {} : { base: values.base }),
})
console.log(`site in ${seconds(begin)}`)
