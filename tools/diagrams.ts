/**
 * `npm run diagrams`: the diagrams of the pages, from `docs/diagrams/*.mmd` (Mermaid) to the `.svg` beside each.
 *
 * It needs Debian's `chromium`. The pictures are committed, with the hash of their source in them, so that a build of the
 * site needs no browser; a test compares the hashes.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { root } from './build.js'

/** Where sources and pictures lie. */
export const diagramFolder = join(root, 'docs', 'diagrams')

/** What a picture says of the source that it was made from. */
export function markOf(source: string): string {
  return `<!-- sha256 of the source: ${createHash('sha256').update(source).digest('hex')} -->`
}

const fontFamily = 'Arial, Helvetica, sans-serif'

const settings = {
  startOnLoad: false,
  htmlLabels: false,
  flowchart: { htmlLabels: false, useMaxWidth: true, nodeSpacing: 20, rankSpacing: 30, padding: 8, wrappingWidth: 120 },
  // narrow, so that the words can be read on a telephone
  sequence: {
    wrap: true,
    width: 130,
    actorMargin: 50,
    diagramMarginX: 8,
    mirrorActors: false,
    messageFontSize: 14,
    noteFontSize: 14,
    actorFontSize: 15,
    messageFontFamily: fontFamily,
    noteFontFamily: fontFamily,
    actorFontFamily: fontFamily,
  },
  fontFamily,
  theme: 'base',
  themeVariables: {
    primaryColor: '#e6f2f6',
    primaryBorderColor: '#0f6f8f',
    primaryTextColor: '#1f2328',
    lineColor: '#57606a',
    clusterBkg: '#f6f8fa',
    clusterBorder: '#afb8c1',
    noteBkgColor: '#fff8dc',
    noteBorderColor: '#b58900',
    edgeLabelBackground: '#ffffff',
  },
}

/** Makes the pictures of all sources, or of those whose picture is older, one after the other. */
async function draw(): Promise<void> {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  })
  try {
    for (const name of readdirSync(diagramFolder).filter((file) => file.endsWith('.mmd'))) {
      const source = readFileSync(join(diagramFolder, name), 'utf8')
      // a page for each: Mermaid numbers parts over all diagrams of one page
      const page = await browser.newPage()
      await page.addScriptTag({ path: join(root, 'node_modules', 'mermaid', 'dist', 'mermaid.min.js') })
      await page.evaluate(`mermaid.initialize(${JSON.stringify(settings)})`)
      const id = `diagram-${name.replace(/\.mmd$/, '')}`
      const svg = await page.evaluate<string>(
        `mermaid.render(${JSON.stringify(id)}, ${JSON.stringify(source)}).then(({ svg }) => svg)`,
      )
      writeFileSync(join(diagramFolder, name.replace(/\.mmd$/, '.svg')), `${markOf(source)}\n${svg}\n`)
      await page.close()
      console.log(name)
    }
  } finally {
    await browser.close()
  }
}

if (process.argv[1]?.endsWith('diagrams.ts')) await draw()
