/** The diagrams of the pages: each picture was made from its source as it is, and stands on a page. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../../tools/build.js'
import { diagramFolder, markOf } from '../../tools/diagrams.js'
import { guidePaths } from './sources.js'

const read = (name: string): string => readFileSync(join(diagramFolder, name), 'utf8')
const names = readdirSync(diagramFolder)
const sources = names.filter((name) => name.endsWith('.mmd'))

t.test('each picture has the hash of its source: npm run diagrams makes it', async (t) => {
  t.ok(sources.length >= 5)
  for (const name of sources) {
    const picture = name.replace(/\.mmd$/, '.svg')
    t.ok(existsSync(join(diagramFolder, picture)), picture)
    t.ok(read(picture).startsWith(`${markOf(read(name))}\n<svg `), picture)
  }
  t.not(markOf('a'), markOf('b'))
})

t.test('each picture stands on a page, with words for those who do not see it, and has a source', async (t) => {
  const pages = guidePaths().map((path) => readFileSync(join(root, path), 'utf8'))
  for (const name of names.filter((name) => name.endsWith('.svg'))) {
    t.ok(sources.includes(name.replace(/\.svg$/, '.mmd')), name)
    t.ok(
      pages.some((page) => new RegExp(String.raw`!\[[^\]]{20,}\]\((\.\./)+diagrams/${name}\)`).test(page)),
      `${name} is shown`,
    )
  }
})
