/**
 * The built site in headless Chromium: a server for its files, and what a page looks like there.
 *
 * It judges nothing but what a reader cannot read: parts outside the screen, and parts over each other.
 */
import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { chromium as executablePath } from '../support/system-packages.js'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

/** Serves the files of a folder on a free port of loopback. */
export async function serveFolder(folder: string): Promise<{ readonly address: string; readonly close: () => void }> {
  const server = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://localhost')
    const file = join(folder, decodeURIComponent(pathname.replace(/\/$/, '/index.html')))
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'text/plain; charset=utf-8' })
    return createReadStream(file).pipe(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { address: `http://127.0.0.1:${port}`, close: () => server.close().closeAllConnections() }
}

/** Starts Chromium; it asks no other server for anything. */
export async function openChromium(): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--force-color-profile=srgb']
  return await chromium.launch({ executablePath, args })
}

/** What is wrong with a page as it is shown: one line each. */
export async function flaws(page: Page): Promise<string[]> {
  return await page.evaluate(script)
}

/** Runs in the page, whose names the compiler does not know here. */
const script = `(() => {
  const found = []
  const root = document.documentElement
  const clips = (box) => box !== document.body && box !== root && getComputedStyle(box).overflowX !== 'visible'
  const isClipped = (one) => {
    for (let box = one.parentElement; box !== null; box = box.parentElement) if (clips(box)) return true
    return false
  }
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll('main *')]
      .filter((one) => !isClipped(one) && one.getBoundingClientRect().right > root.clientWidth + 1)
      .map((one) => one.tagName + ' ' + one.textContent.slice(0, 40))
    found.push(root.scrollWidth + ' px wide on a screen of ' + root.clientWidth + ' px: ' + wide.slice(0, 3).join(' | '))
  }
  const [outline, sidebar, content] = ['.VPDocAsideOutline', '.VPSidebar', '.vp-doc'].map((selector) => {
    const one = document.querySelector(selector)
    return one === null || !one.checkVisibility() ? undefined : one.getBoundingClientRect()
  })
  for (const one of outline === undefined ? [] : document.querySelectorAll('.vp-doc > div > *')) {
    const { right, bottom, top } = one.getBoundingClientRect()
    if (right > outline.left && bottom > outline.top && top < outline.bottom)
      found.push(one.tagName + ' reaches under the outline: ' + one.textContent.slice(0, 40))
  }
  if (sidebar !== undefined && content !== undefined && sidebar.right > content.left && sidebar.right > 0)
    found.push('the sidebar covers the page')
  return found
})()`

/** The titles that the search shows for some words, with their page, best first. */
export async function search(page: Page, words: string): Promise<string[]> {
  // it would begin with the former words and their answers
  await page.evaluate('sessionStorage.clear()')
  await page.keyboard.press('Control+k')
  const input = page.locator('.VPLocalSearchBox input')
  await input.fill(words)
  // the list of a new box is empty until it shows the answers to its words
  await page.locator('.VPLocalSearchBox .result, .VPLocalSearchBox .no-results').first().waitFor()
  const results = await page
    .locator('.VPLocalSearchBox .result')
    .evaluateAll((all) => all.map((one) => `${one.getAttribute('href')} ${one.querySelector('.titles')?.textContent}`))
  await page.keyboard.press('Escape')
  await page.locator('.VPLocalSearchBox').waitFor({ state: 'detached' })
  return results
}
