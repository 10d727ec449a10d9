/**
 * The application `examples/orders` in a browser: orders are placed and shipped while processes are killed.
 *
 * The moments of the kills are random: within the progress of the orders, by a seed that the report shows. `ORDERS_SEED`
 * repeats them.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Browser, chromium, type Page } from 'playwright-core'
import { filter, firstValueFrom, Subject, scan } from 'rxjs'
import t from 'tap'
import { build, root } from '../../tools/build.js'
import { run } from '../child-process.js'
import { seeded } from '../support/seeded.js'
import { chromium as executablePath, withPackages } from '../support/system-packages.js'
import { Application, withOrders } from './orders-run.js'

const roles = ['directory', 'queue', 'service', 'worker-1', 'worker-2', 'web']
/** For each of the three states that an order is brought into. */
const stepMs = 500
const orders = 4
/** A worker reports its progress ten times in each state. */
const reports = orders * 3 * 10

t.test('its files compile', withOrders(), async (t) => {
  await build()
  const compiler = join(root, 'node_modules', 'typescript-7', 'bin', 'tsc')
  const ended = await run(process.execPath, [compiler, '--noEmit', '-p', 'examples/orders'], {
    cwd: root,
    timeoutMs: 60_000,
  })
  t.equal(ended.stdout, '')
  t.equal(ended.code, 0)
})

const { skip } = withPackages(['chromium'])
t.test('orders are placed and shipped while processes are killed', { skip: skip || withOrders().skip }, async (t) => {
  const seed = Number(process.env.ORDERS_SEED ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`ORDERS_SEED=${seed}`)
  const random = seeded(seed)
  const choose = (names: readonly string[]) => names[Math.floor(random() * names.length)] as string

  const application = await Application.start(t.testdir(), stepMs)
  t.teardown(() => application.end())
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
  const browser = await chromium.launch({ executablePath, args })
  t.teardown(() => browser.close())
  const [, url = ''] = await application.line(/^web is ready, pid \d+ (http.*)/)

  const problems: string[] = []
  const progress = new Subject<void>()
  const [one, two] = await Promise.all([
    openPage(browser, url, problems, () => progress.next()),
    openPage(browser, url, problems),
  ])

  // each is killed when so many reports have come, and a moment later: between two reports, too
  const kills = ['service', choose(['worker-1', 'worker-2']), choose(roles)].map(async (role) => {
    const [count, moment] = [1 + Math.floor(random() * (reports / 2)), (random() * stepMs) / 10]
    await firstValueFrom(
      progress.pipe(
        scan((sum) => sum + 1, 0),
        filter((sum) => sum >= count),
      ),
    )
    await delay(moment)
    t.comment(`${role} is killed at report ${count}`)
    return application.kill(role)
  })

  await placeOrder(one, 'Notebook', 1)
  await placeOrder(one, 'Fountain pen', 2)
  await placeOrder(two, 'Ink', 3)
  await Promise.all(kills)
  await placeOrder(two, 'Notebook', 4) // just after the last kill

  const shown = await Promise.all([one, two].map(allShipped))
  t.match(shown[0], /^4 × Notebook\n[\s\S]*3 × Ink\n[\s\S]*2 × Fountain pen\n[\s\S]*1 × Notebook\n/)
  t.equal(shown[1], shown[0], 'both browsers see the same')
  await two.reload()
  t.equal(await allShipped(two), shown[0], 'and so does a browser that comes later')
  t.strictSame(problems, [])

  t.equal(await application.end(), 0)
  const killed = application.lines.filter((line) => line.endsWith(' has ended by SIGKILL'))
  t.equal(killed.length, (await Promise.all(kills)).filter((wasKilled) => wasKilled).length)
  t.strictSame(
    application.lines.slice(-roles.length),
    roles.toReversed().map((role) => `${role} has ended with code 0`),
    'they end in order',
  )
})

/** Opens the page in a browser of its own; `onProgress` is called for each report of a worker. */
async function openPage(browser: Browser, url: string, problems: string[], onProgress?: () => void): Promise<Page> {
  const context = await browser.newContext()
  const page = await context.newPage()
  page.on('pageerror', (error) => problems.push(String(error)))
  await page.goto(url)
  await page.locator('#connection.live').waitFor()
  if (onProgress) {
    await page.exposeFunction('onProgress', onProgress)
    await page.evaluate("events.addEventListener('progress', () => onProgress())")
  }
  return page
}

async function placeOrder(page: Page, product: string, quantity: number): Promise<void> {
  await page.getByLabel('Product').selectOption(product)
  await page.getByLabel('Quantity').fill(String(quantity))
  await page.getByRole('button', { name: 'Place order' }).click()
  await page.locator('li', { hasText: `${quantity} × ${product}` }).waitFor()
}

/** The text of the list when every order is shipped. */
async function allShipped(page: Page): Promise<string> {
  await page
    .locator('li[data-state=shipped]')
    .nth(orders - 1)
    .waitFor({ timeout: 60_000 })
  return page.locator('#orders').innerText()
}
