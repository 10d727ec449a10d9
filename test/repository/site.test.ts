/**
 * The site, built once: without warnings, without a broken link, with each symbol under the entry that exports it, and
 * with an answer for users' own words.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../../tools/build.js'
import { complaint, loader, modulePath, run } from '../child-process.js'
import { entries, manifest } from './manifest.js'
import { brokenLinks, clicks, foreignParts, pageOf, readSite, type Site } from './site.js'
import { guidePaths } from './sources.js'

/** What the tests need of TypeDoc's JSON. */
interface Module {
  readonly name: string
  readonly children: readonly { readonly name: string; readonly variant: string }[]
}

t.test('the site', async (t) => {
  const folder = t.testdir()
  const out = join(folder, 'site')
  const json = join(folder, 'reference.json')
  const args = [...loader, modulePath('tools/docs.ts'), '--out', out, '--json', json]
  const built = await run(process.execPath, args, { cwd: root, timeoutMs: 115_000 })
  t.equal(complaint(built), undefined)
  const site = readSite(out)

  await t.test('is built without warnings', async (t) => {
    t.notMatch(`${built.stdout}${built.stderr}`, /warn|\(!\)|deprecat/i)
    t.match(built.stdout, /^site in \d+/m)
  })

  await t.test('has each guide, and no broken link', async (t) => {
    for (const path of guidePaths()) {
      const page = path.replace(/^docs\//, '').replace(/\.md$/, '.html')
      t.ok(site.has(page), page)
    }
    t.strictSame(brokenLinks(site), [])
  })

  await t.test('loads nothing from other servers', async (t) => {
    const foreign = [...site.keys()]
      .filter((path) => path.endsWith('.html'))
      .flatMap((path) => foreignParts(readFileSync(join(out, path), 'utf8')))
    t.strictSame([...new Set(foreign)], [])
  })

  await t.test('has each symbol under the entry that exports it', async (t) => {
    const { children: modules } = JSON.parse(readFileSync(json, 'utf8')) as { children: Module[] }
    t.strictSame(modules.map(({ name }) => name).sort(), [...entries].sort())
    for (const { name, children } of modules) {
      const elsewhere = children.filter(({ variant }) => variant === 'reference')
      if (name !== manifest.name) t.strictSame(elsewhere, [], `what ${name} exports is described there`)
      t.ok(children.length > elsewhere.length, `${name} has symbols`)
    }
  })

  await t.test('leads to what users look for in three clicks', async (t) => {
    for (const page of wanted) t.ok(clicks(site, 'index.html', page, 3), page)
  })

  await t.test('has a list of its pages for programs', async (t) => {
    const list = readFileSync(join(out, 'llms.txt'), 'utf8')
    const addresses = [...list.matchAll(/\]\(\/([^)]+)\)/g)].map(([, path = '']) => path)
    t.strictSame(
      addresses.toSorted(),
      guidePaths()
        .map((path) => path.replace(/^docs\//, ''))
        .filter((path) => path !== 'index.md')
        .toSorted(),
    )
    t.strictSame(
      addresses.filter((path) => !site.has(path)),
      [],
    )
  })
})

/** Pages with what users look for. */
const wanted = ['patterns/rpc.html', 'reference/errors.html', 'reference/options.html', 'operations/security.html']

t.test('links that lead nowhere are found', async (t) => {
  const site: Site = new Map([
    ['index.html', pageOf('<a href="/a/b.html#c">1</a> <a href="a/">2</a> <a href="https://example.org/x">3</a>')],
    ['a/index.html', pageOf('<a href="./b.html#d">1</a> <a href="../c.html">2</a> <a href="/">3</a>')],
    ['a/b.html', pageOf('<h2 id="c">C</h2> <a href="#gone">1</a> <a href="/e.txt">2</a>')],
    ['e.txt', undefined],
  ])
  t.strictSame(brokenLinks(site), ['a/index.html: ./b.html#d', 'a/index.html: ../c.html', 'a/b.html: #gone'])
  t.equal(clicks(site, 'index.html', 'e.txt', 3), 2)
  t.equal(clicks(site, 'index.html', 'e.txt', 1), undefined)
  t.strictSame(foreignParts('<img src="https://example.org/a.png"><script src="/a.js">'), ['https://example.org/a.png'])
})
