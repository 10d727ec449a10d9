/**
 * The figures of the pages: each that claims a measurement comes from a stored result, and is the one that is stored.
 *
 * `npm run figures` puts the results into the pages; a figure that was changed by hand, on either side, fails here.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { storedOf } from '../../bench/store.js'
import { root } from '../../tools/build.js'
import { charts, chartText } from '../../tools/figures/charts.js'
import { figureNames } from '../../tools/figures/named.js'
import { marksOf, unmarked, withFigures } from '../../tools/figures/pages.js'
import { readObservations, readStored, resultFolder } from '../../tools/figures/stored.js'
import { tables, tableText } from '../../tools/figures/tables.js'
import { chartFolder, figurePages } from '../../tools/figures.js'

const pages = figurePages().map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
const all = pages.map(({ text }) => text).join('\n')

t.test('each marked figure and each table is the stored one: npm run figures writes them', async (t) => {
  for (const { path, text } of pages) t.equal(text, withFigures(text), path)
  const marked = 'It takes <data value="lone-message">1.09</data> times as long.'
  t.not(withFigures(marked), marked, 'a figure that is not the stored one is found')
  const table = '<!-- table: throughput -->\n\n| a | b |\n\n<!-- end -->'
  t.match(withFigures(table), tableText(tables.throughput as never, readStored('throughput')))
  t.throws(() => withFigures('<data value="none">1</data>'), /no figure named none/)
})

t.test('what claims a measurement is marked', async (t) => {
  for (const { path, text } of pages) t.strictSame(unmarked(text), [], path)
  const claims = [
    'It is 40.9× as fast.',
    'A call takes 60 µs.',
    'It moves 6.5 million messages a second.',
    'It moves 900 MB/s.',
    'It is some twenty times as fast.',
    'It leaves 22 % of the rate.',
    'Measured with two peers: 300 frames.',
  ]
  for (const claim of claims) t.strictSame(unmarked(`Something first. ${claim} Something else.`), [claim])
  t.strictSame(unmarked('A call takes <data value="x">60 µs</data>.'), [])
  t.strictSame(unmarked('At 4 MB/s <!-- computed --> that is a second.'), [])
  t.strictSame(unmarked('2 × `bytes`, and at most 4,096 announcements a second'), [], 'limits are no measurements')
})

t.test('each chart is drawn from the stored results, and stands on a page', async (t) => {
  t.strictSame(
    readdirSync(chartFolder).toSorted(),
    Object.keys(charts)
      .map((name) => `${name}.svg`)
      .toSorted(),
  )
  for (const name of Object.keys(charts)) {
    t.equal(readFileSync(join(chartFolder, `${name}.svg`), 'utf8'), chartText(name), name)
    t.match(all, new RegExp(String.raw`!\[[^\]]{20,}\]\([./]*charts/${name}\.svg\)`), `${name} is shown`)
    t.notMatch(chartText(name), /<script|(?:href|src)=/, `${name} loads nothing`)
  }
})

t.test('each result has its day, commit, command and machine, and is used', async (t) => {
  const used = new Set(Object.values(tables).map(({ section }) => section))
  for (const file of readdirSync(resultFolder).filter((name) => name !== 'observations.json')) {
    const section = file.replace(/\.json$/, '')
    const { measured, commit, command, runs, machine, results } = readStored(section)
    t.match(measured, /^20\d\d-\d\d-\d\d$/, section)
    t.match(commit, /^[0-9a-f]{40}$/, section)
    t.match(command, new RegExp(`^npm run bench -- .*${section}$`))
    t.ok(runs >= 1 && machine.node !== '' && machine.cores >= 1 && results !== undefined, section)
    t.ok(used.has(section), `${section} is on a page`)
  }
  for (const [name, { value, what, measured, how }] of Object.entries(readObservations())) {
    t.ok(value !== '' && what !== '' && how !== '', name)
    t.match(measured, /^20\d\d-\d\d-\d\d$/, name)
  }
  const marks = new Set(marksOf(all))
  t.strictSame(
    figureNames().filter((name) => !marks.has(name)),
    [],
    'figures that no page shows',
  )
})

t.test('results of a run are stored with what they depend on', async (t) => {
  const machine = { node: 'v20.0.0', platform: 'linux', cpu: 'a', cores: 2, load: 0.5, libzmq: '1', systemLibzmq: '1' }
  const results = { machine, options: { runs: 2 }, codecs: [{ name: 'encode' }] }
  t.strictSame(storedOf(results as never, 'codecs', '2026-01-02', 'abc'), {
    measured: '2026-01-02',
    command: 'npm run bench -- --store --runs 2 codecs',
    commit: 'abc',
    runs: 2,
    machine,
    results: results.codecs,
  })
})
