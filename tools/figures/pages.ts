/**
 * Puts figures into the text of a page, where its marks are, and finds figures without a mark.
 *
 * Marks: `<data value="NAME">…</data>` around one figure; `<!-- table: NAME -->` and `<!-- measured: SECTION -->`, each on a line of
 * its own, with `<!-- end -->` below. They are HTML, so that the page reads the same without the site.
 */
import { namedFigure } from './named.js'
import { isStored, readStored } from './stored.js'
import { tables, tableText } from './tables.js'

const block = /^<!-- (table|measured): ([\w-]+) -->\n[\s\S]*?^<!-- end -->$/gm
const single = /<data value="([^"]+)">[\s\S]*?<\/data>/g

/** The text with each mark filled from the stored results. */
export function withFigures(text: string): string {
  return text
    .replaceAll(block, (_, kind: string, name: string) => {
      const content = kind === 'table' ? namedTable(name) : measuredLine(name)
      return `<!-- ${kind}: ${name} -->\n\n${content === '' ? '' : `${content}\n\n`}<!-- end -->`
    })
    .replaceAll(single, (_, name: string) => `<data value="${name}">${namedFigure(name)}</data>`)
}

/** The names of the single figures that a page marks. */
export function marksOf(text: string): string[] {
  return [...text.matchAll(single)].map(([, name = '']) => name)
}

/** What claims a measurement: a figure with a unit of time below a millisecond, a factor, a part, a rate; and `measured`. */
const claims: readonly RegExp[] = [
  /\d ?(?:ns|µs|nanoseconds|microseconds)\b/u,
  /\d×(?! ?[\d`(])/u,
  /\d ?[kM]?i?B\/s\b/u,
  /\d (?:million |thousand )(?:[a-z]+ ){0,3}(?:a|per) second/u,
  /(?:[a-z] times|half|third|quarter|tenth) as (?:fast|long|quick)|twice as (?:fast|quick)/u,
  /\d ?% (?:of|quicker|faster|slower|more|less)\b/u,
  /\bmeasured\b.*\d|\d.*\bmeasured\b/iu,
]

/**
 * Sentences of a page that claim a measurement and mark none of its figures; `<!-- computed -->` says that one is no
 * measurement.
 */
export function unmarked(text: string): string[] {
  return text
    .replaceAll(/^ *(```|~~~)[\s\S]*?^ *\1 *$/gm, '')
    .replaceAll(block, '')
    .replaceAll(/!\[[^\]]*\]/g, '')
    .split(/\n\s*\n|\n(?=[|*-] ?)|(?<=\|) |(?<=[.;]\)?) /)
    .map((sentence) => sentence.replaceAll(/\s+/g, ' ').trim())
    .filter((sentence) => !/<data |<!-- computed -->/.test(sentence) && claims.some((claim) => claim.test(sentence)))
}

function namedTable(name: string): string {
  const table = tables[name]
  if (table === undefined) throw new Error(`there is no table named ${name}: see tools/figures/tables.ts`)
  if (!isStored(table.section)) return `No results are stored yet: \`npm run bench -- --store ${table.section}\`.`
  return tableText(table, readStored(table.section))
}

function measuredLine(section: string): string {
  if (!isStored(section)) return ''
  const { measured, commit, machine, runs, command, note } = readStored(section)
  const { node, cores, cpu, load } = machine
  const where = [
    `Node ${node.replace(/^v/, '')}`,
    cpu === undefined ? `${cores} cores` : `${cores} cores of ${cpu}`,
    ...(load === undefined ? [] : [`load ${load} before`]),
    `${runs} runs`,
  ]
  const line = `*Measured on ${measured} at commit ${commit.slice(0, 7)} (${where.join(', ')}): \`${command}\`.*`
  return note === undefined ? line : `${line} ${note}`
}
