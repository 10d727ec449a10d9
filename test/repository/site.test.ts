/**
 * The site, built once: without warnings, without a broken link, with each symbol under the entry that exports it, and
 * with an answer for users' own words.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../../tools/build.js'
import { complaint, loader, modulePath, run } from '../child-process.js'
import { withPackages } from '../support/system-packages.js'
import { flaws, openChromium, search, serveFolder } from './browser.js'
import { entries, manifest } from './manifest.js'
import { brokenLinks, clicks, foreignParts, pageOf, readSite, type Site } from './site.js'
import { guidePaths } from './sources.js'

/** What the tests need of TypeDoc's JSON. */
interface Module {
  readonly name: string
  readonly children: readonly { readonly variant: string }[]
}

// a loaded machine takes minutes for what takes one otherwise
t.setTimeout(280_000)

t.test('the site', { timeout: 270_000 }, async (t) => {
  const folder = t.testdir()
  const out = join(folder, 'site')
  const json = join(folder, 'reference.json')
  const args = [...loader, modulePath('tools/docs.ts'), '--out', out, '--json', json]
  const built = await run(process.execPath, args, { cwd: root, timeoutMs: 200_000 })
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

  await t.test('is right to the eye, and answers', withPackages(['chromium']), async (t) => {
    const server = await serveFolder(out)
    const browser = await openChromium()
    t.teardown(() => browser.close())
    t.teardown(server.close)
    for (const width of [1280, 390]) {
      const context = await browser.newContext({ viewport: { width, height: 844 } })
      const page = await context.newPage()
      page.on('request', (request) => {
        if (!request.url().startsWith(server.address)) t.fail(`asks for ${request.url()}`)
      })
      for (const path of shown) {
        await page.goto(`${server.address}/${path}`)
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme })
          t.strictSame(await flaws(page), [], `${path}, ${width} px, ${colorScheme}`)
          if (process.env.SCREENSHOTS !== undefined) {
            const name = `${path.replaceAll('/', '-')}-${width}-${colorScheme}.png`
            await page.screenshot({ path: join(process.env.SCREENSHOTS, name) })
          }
        }
      }
      await context.close()
    }
    const page = await browser.newPage()
    await page.goto(`${server.address}/index.html`)
    for (const [words, wanted] of questions) {
      const found = (await search(page, words)).slice(0, answers)
      t.ok(
        found.some((one) => one.startsWith(`/${wanted}`)),
        `${words}: ${found.join(', ')}`,
      )
    }
    await page.goto(`${server.address}/patterns/queue.html`)
    await page.evaluate(
      "const over = document.createElement('p'); over.style.width = '3000px'; over.style.height = '20px'; document.querySelector('.vp-doc > div').prepend(over)",
    )
    t.match(
      await flaws(page),
      [/3\d{3} px wide on a screen of 1280 px/, /^P reaches under the outline/],
      'what is wrong is found',
    )
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

/** What users look for: their words, and the page that must be among the first answers. */
const questions: ReadonlyArray<readonly [words: string, page: string]> = [
  ['typed server stream', 'patterns/streaming-rpc.html'],
  ['server killed', 'concepts/failures.html'],
  ['what happens when the server is killed', 'concepts/failures.html'],
  ['idempotent consumer', 'recipes/idempotent-consumer.html'],
  ['RIVULET_LEASE_LOST', 'reference/errors.html'],
  ['maxBatchMessages', 'reference/api/rivulet/queue/interfaces/PushOptions.html'],
  ['leaseMs', 'patterns/retries.html'],
  ['secure two machines', 'operations/security.html'],
  ['test an app', 'operations/testing.html'],
]
const answers = 8

/** Pages with what users look for. */
const wanted = [...new Set(questions.map(([, page]) => page)), 'reference/options.html', 'patterns/rpc.html']

/** Pages of each kind, to look at. */
const shown = [
  'index.html',
  'start/tutorial.html',
  'concepts/failures.html',
  'patterns/queue.html',
  'patterns/streaming-rpc.html',
  'operations/security.html',
  'reference/options.html',
  'reference/protocol/frames.html',
  'reference/api/rivulet/queue/functions/createPush.html',
  'reference/api/rivulet/rpc/interfaces/RpcServer.html',
]

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
