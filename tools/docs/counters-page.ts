/**
 * `docs/reference/counters.md`: what `stats()` of each resource counts, from the docstrings.
 *
 * `npm run counters` writes the page; `test/repository/reference.test.ts` fails where it is not up to date.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from '../build.js'
import {
  entryFiles,
  entryTitles,
  type PublicMember,
  type PublicSymbol,
  readPublicInterface,
} from './public-interface.js'

/** The page, from the repository's root. */
export const countersPage = 'docs/reference/counters.md'

const head = `---
order: 14
---

# Counters

What \`stats()\` of each resource counts. It is a snapshot, and costs little. Most numbers only grow, from when the resource was opened; \`pending\`, \`pendingBytes\`, \`unsettled\` and the state of a queue go up and down.
[Observability](../operations/observability.md) says which of them to watch.

<!-- This page is made from the docstrings: change them, and run \`npm run counters\`. -->`

/** Whether a symbol is a set of counters. */
export function isCounters({ kind, name, members }: PublicSymbol): boolean {
  return (kind === 'interface' || kind === 'type') && /(Stats|Counts|Sums)$/.test(name) && members.length > 0
}

/** The text of the page. */
export function countersText(symbols: readonly PublicSymbol[]): string {
  const sets = symbols.filter(isCounters)
  const groups = entryTitles.flatMap(([entry, title]) => {
    const own = sets.filter((one) => one.entry === entry)
    return own.length === 0 ? [] : [`## ${title}`, ...own.flatMap((one) => sectionOf(one, symbols, sets))]
  })
  return [head, ...groups].join('\n\n').concat('\n')
}

function sectionOf(one: PublicSymbol, symbols: readonly PublicSymbol[], sets: readonly PublicSymbol[]): string[] {
  const homeOf = ({ owner, file }: PublicMember) => sets.find((set) => set.name === owner && set.file === file) ?? one
  const own = one.members.filter((member) => homeOf(member) === one)
  const homes = [...new Set(one.members.map(homeOf))].filter((home) => home !== one)
  const resources = symbols.filter(({ members }) =>
    members.some(({ name, type }) => name === 'stats' && new RegExp(`\\b${one.name}\\b`).test(type)),
  )
  const of = resources.map(({ name }) => `\`${name}\``)
  const text = [
    lineOf(one.doc.text),
    ...(of.length === 0 ? [] : [`Returned by \`stats()\` of ${of.join(', ')}.`]),
    ...(homes.length === 0 ? [] : [`Also all of ${homes.map(({ name }) => linkTo(name)).join(' and ')}.`]),
  ].join(' ')
  const rows = own.map((member) => `| \`${member.name}\` | ${textOf(member, sets)} |`)
  const table = ['| Counter | What it is |', '| --- | --- |', ...rows].join('\n')
  return [`### \`${one.name}\``, text, ...(rows.length === 0 ? [] : [table])]
}

/** What a counter is, with a link to the set of counters that it holds. */
function textOf({ type, doc }: PublicMember, sets: readonly PublicSymbol[]): string {
  const held = sets.filter(({ name }) => new RegExp(`\\b${name}\\b`).test(type)).map(({ name }) => linkTo(name))
  return [lineOf(doc.text), ...(held.length === 0 ? [] : [`See ${held.join(' and ')}.`])].join(' ')
}

function linkTo(name: string): string {
  return `[\`${name}\`](#${name.toLowerCase()})`
}

/** Text of a docstring in one line of a table. */
function lineOf(text: string): string {
  return text
    .replaceAll(/\{@link (\w+)\}/g, '`$1`')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replaceAll('|', '\\|')
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(join(root, countersPage), countersText(readPublicInterface(entryFiles())))
}
