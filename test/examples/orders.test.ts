/**
 * The application `examples/orders` in a browser: orders are placed and shipped while processes are killed; and its page
 * alone, while the server is away.
 *
 * The moments of the kills are random: within the progress of the orders, by a seed that the report shows. `ORDERS_SEED`
 * repeats them.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Browser, chromium, type Page } from 'playwright-core'
import { elementAt, firstValueFrom, Subject } from 'rxjs'
import t from 'tap'
import { build, root } from '../../tools/build.js'
import { run } from '../child-process.js'
import { seeded } from '../support/seeded.js'
import { chromium as executablePath, withPackages } from '../support/system-packages.js'
import { Application, withOrders } from './orders-run.js'

const roles = ['directory', 'queue', 'service', 'worker-1', 'worker-2', 'web']
/** For each of the three states that an order is brought into. */
const stepMs = 500
/** Reports of their progress by workers, within which all kills happen; an order has 30. */
const reports = 60

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
const launch = () =>
  chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'] })

t.test('an order is sent until the server has answered', { skip }, async (t) => {
  const browser = await launch()
  t.teardown(() => browser.close())
  const page = await browser.newPage()
  await page.clock.install()
  const html = readFileSync(join(root, 'examples', 'orders', 'page.html'), 'utf8')
  const order = { id: 'a', product: 'Ink', quantity: 4, state: 'placed', worker: '', placedAt: new Date(0) }
  await page.route('**/*', (route) => route.abort())
  await page.route('http://localhost/', (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: html.replace('{{products}}', '<option>Ink</option>').replace('{{states}}', 'placed paid'),
    }),
  )
  const answers = [
    ...Array.from({ length: 30 }, () => 'none'),
    { status: 503, body: '{"message":"busy"}' },
    { status: 201, body: '{"id":' }, // the server was killed while it wrote
    { status: 201, body: JSON.stringify(order) },
    { status: 400, body: '{"message":"no such product"}' },
  ]
  const sent: (string | null)[] = []
  await page.route('http://localhost/orders', (route) => {
    sent.push(route.request().postData())
    const answer = answers.shift()
    return typeof answer === 'object' ? route.fulfill(answer) : route.abort()
  })

  await page.goto('http://localhost/')
  const button = page.getByRole('button')
  await button.click()
  for (const problem = page.getByText('The server does not answer'); answers.length > 1; ) {
    await problem.or(page.locator('li')).waitFor()
    await page.clock.runFor(1000)
  }
  await page.locator('li', { hasText: '4 × Ink' }).waitFor()
  t.equal(await page.locator('#problem').innerText(), '')
  t.equal(sent.length, 33)
  t.equal(new Set(sent).size, 1, 'each time the same order, with the same id')

  await button.click()
  await page.getByText('The order was not placed: no such product').waitFor()
  t.equal(sent.length, 34, 'what the server refuses is not sent again')
})

t.test('orders are placed and shipped while processes are killed', { skip: skip || withOrders().skip }, async (t) => {
  const seed = Number(process.env.ORDERS_SEED ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`ORDERS_SEED=${seed}`)
  const random = seeded(seed)
  const choose = (names: readonly string[]) => names[Math.floor(random() * names.length)] as string

  const application = await Application.start(t.testdir(), stepMs)
  t.teardown(async () => {
    await application.end()
    if (!t.passing()) t.comment(application.lines.join('\n'))
  })
  const browser = await launch()
  t.teardown(() => browser.close())
  const [, url = ''] = await application.line(/^web is ready, pid \d+ (http.*)/)

  const problems: string[] = []
  /** Emits the name of a worker when it reports. */
  const progress = new Subject<string>()
  const [one, two] = await Promise.all([
    openPage(browser, url, problems, (worker) => progress.next(worker)),
    openPage(browser, url, problems),
  ])

  // each is killed when so many reports have come, and a moment later: between two reports, too
  const kills = ['service', 'worker', choose(roles)].map(async (choice) => {
    const [count, moment] = [1 + Math.floor(random() * reports), (random() * stepMs) / 10]
    const worker = await firstValueFrom(progress.pipe(elementAt(count - 1)))
    await delay(moment)
    const role = choice === 'worker' ? worker : choice // one that has an order in work
    t.comment(`${role} is killed at report ${count}`)
    return application.kill(role) ? [role] : []
  })

  // there are always orders in work, until the last kill
  let placed = 0
  for (let killing = true; killing; ) {
    await placeOrder(placed % 2 === 0 ? one : two, ++placed)
    if (placed < 3) continue
    const ended = Promise.all(kills).then(() => false)
    killing = await Promise.race([ended, allShipped(one, placed).then(() => true)])
  }
  await placeOrder(two, ++placed)

  const shown = await Promise.all([one, two].map((page) => allShipped(page, placed)))
  t.strictSame(
    shown[0]?.match(/\d+ × /g),
    Array.from({ length: placed }, (_, index) => `${placed - index} × `),
    'each order is there once, the newest first',
  )
  t.equal(shown[1], shown[0], 'both browsers see the same')
  await two.reload()
  t.equal(await allShipped(two, placed), shown[0], 'and so does a browser that comes later')
  t.strictSame(problems, [])

  const killed = (await Promise.all(kills)).flat()
  for (const role of roles) {
    await application.line(new RegExp(`^${role} is ready`), 1 + killed.filter((other) => other === role).length)
  }
  t.equal(await application.end(), 0)
  t.equal(application.lines.filter((line) => line.endsWith(' has ended by SIGKILL')).length, killed.length)
  t.strictSame(
    application.lines.slice(-roles.length),
    roles.toReversed().map((role) => `${role} has ended with code 0`),
    'they end in order',
  )
})

/** Opens the page in a browser of its own; `onProgress` is called with the name of each worker that reports. */
async function openPage(
  browser: Browser,
  url: string,
  problems: string[],
  onProgress?: (worker: string) => void,
): Promise<Page> {
  const context = await browser.newContext()
  context.setDefaultTimeout(60_000)
  const page = await context.newPage()
  page.on('pageerror', (error) => problems.push(String(error)))
  if (onProgress) {
    await page.exposeFunction('onProgress', onProgress)
    await page.addInitScript(`window.EventSource = class extends EventSource {
      constructor(...args) {
        super(...args)
        this.addEventListener('progress', ({ data }) => onProgress(JSON.parse(data).worker))
      }
    }`)
  }
  await page.goto(url)
  await page.locator('#connection.live').waitFor()
  return page
}

/** Places an order; its quantity is its number. */
async function placeOrder(page: Page, number: number): Promise<void> {
  await page.getByLabel('Product').selectOption(number % 2 === 0 ? 'Ink' : 'Notebook')
  await page.getByLabel('Quantity').fill(String(number))
  await page.getByRole('button', { name: 'Place order' }).click()
  await page.locator('li', { hasText: `${number} × ` }).waitFor()
}

/** The text of the list when so many orders are shipped. */
async function allShipped(page: Page, count: number): Promise<string> {
  await page
    .locator('li[data-state=shipped]')
    .nth(count - 1)
    .waitFor({ timeout: 60_000 })
  return page.locator('#orders').innerText()
}
