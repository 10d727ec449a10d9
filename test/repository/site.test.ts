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
    for (const [need, { page, answer }] of Object.entries(needs)) {
      t.ok(clicks(site, 'index.html', page, 3), `${need}: ${page}`)
      t.match(site.get(page)?.main, answer, `${need} is answered there`)
    }
    t.equal(clicks(site, 'index.html', 'none.html', 3), undefined, 'a page that is not there is found missing')
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
    for (const { page: wanted, words: questions } of Object.values(needs)) {
      for (const words of questions) {
        const found = (await search(page, words)).slice(0, answers)
        t.ok(
          found.some((one) => one.startsWith(`/${wanted}`)),
          `${words}: ${found.join(', ')}`,
        )
      }
    }
    t.strictSame(await search(page, 'xyzzyplugh'), [], 'words of no page have no answer')
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

/** What a user needs: the page with the answer, what must stand there, and words that must find it. */
interface Need {
  readonly page: string
  readonly answer: RegExp
  readonly words: readonly string[]
}

/** What users look for. */
const needs: Readonly<Record<string, Need>> = {
  'a typed server stream': {
    page: 'patterns/streaming-rpc.html',
    answer: /x-stream[\s\S]*?server/,
    words: ['typed server stream', 'stream of responses'],
  },
  'what happens to a call when its server is killed': {
    page: 'concepts/failures.html',
    answer: /id="an-rpc-server-dies"/,
    words: ['server killed', 'what happens when the server is killed', 'server is killed during a call'],
  },
  'an idempotent consumer': {
    page: 'recipes/idempotent-consumer.html',
    answer: /delivery\.id/,
    words: ['idempotent consumer'],
  },
  'the meaning of a code': {
    page: 'reference/errors.html',
    answer: /id="rivulet_lease_lost"/,
    words: ['RIVULET_LEASE_LOST', 'RIVULET_UNKNOWN_OUTCOME'],
  },
  'every option with its default': {
    page: 'reference/options.html',
    answer: /maxBatchMessages[\s\S]*?65_536/,
    words: ['all options', 'default of an option', 'maxBatchMessages'],
  },
  'how to secure two machines': {
    page: 'operations/security.html',
    answer: /id="from-nothing-to-a-secured-pair"/,
    words: ['secure two machines'],
  },
  'how to test an app': {
    page: 'operations/testing.html',
    answer: /inproc:\/\//,
    words: ['test an app', 'how do I test my app'],
  },
  'how long a lease is': { page: 'patterns/retries.html', answer: /leaseMs/, words: ['leaseMs'] },
  'what to do with duplicates': {
    page: 'patterns/deduplication.html',
    answer: /dedupeMs/,
    words: ['duplicate messages', 'message handled twice'],
  },
  'who is there': { page: 'patterns/presence.html', answer: /suspected/, words: ['presence'] },
}
const answers = 8

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
  'reference/benchmarks.html',
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
