/**
 * `npm run figures`: puts the stored results of the benchmarks into the pages, and draws the charts.
 *
 * `npm run bench -- --store` does it at its end. A test compares the pages with the results.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from './build.js'
import { charts, chartText } from './figures/charts.js'
import { withFigures } from './figures/pages.js'
import { filesUnder } from './plain.js'

/** Where the charts lie. */
export const chartFolder = join(root, 'docs', 'charts')

/** The pages that may mention figures: those of the site, of the examples, and those at the root. */
export function figurePages(): string[] {
  const guides = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .map((path) => `docs/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.md') && !/^docs\/(\.vitepress|reference\/api)\//.test(path))
  const examples = filesUnder('examples').filter((path) => path.endsWith('README.md'))
  return ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', ...examples.sort(), ...guides.sort()]
}

/** Writes pages and charts that differ from the results. */
export function writeFigures(): void {
  for (const path of figurePages()) writeIfOther(join(root, path), withFigures(readFileSync(join(root, path), 'utf8')))
  mkdirSync(chartFolder, { recursive: true })
  for (const name of Object.keys(charts)) writeIfOther(join(chartFolder, `${name}.svg`), chartText(name))
}

function writeIfOther(path: string, text: string): void {
  let before: string | undefined
  try {
    before = readFileSync(path, 'utf8')
  } catch {
    // a new chart
  }
  if (before === text) return
  writeFileSync(path, text)
  console.log(relative(root, path))
}

if (process.argv[1]?.endsWith('figures.ts')) writeFigures()
