/**
 * The pages that are written by hand, as the site shows them: their sections, titles and order.
 *
 * A page needs no entry anywhere: its folder below `docs` is its section, its front matter may give a `title` and an
 * `order` (a number; pages without one stand last, by their titles), and its first heading is the title otherwise.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One page of the site. */
export interface Guide {
  /** The file, from `docs`: `patterns/queue.md`. */
  readonly path: string
  /** The folders of its section: `patterns`, `reference/protocol`; empty for the landing page. */
  readonly section: string
  readonly title: string
  readonly order: number
  /** The first paragraph, as plain text in one line. */
  readonly summary: string
}

/** The sections of the site in their order, by their folder. */
export const sections: ReadonlyArray<readonly [folder: string, title: string]> = [
  ['start', 'Start'],
  ['concepts', 'Concepts'],
  ['patterns', 'Patterns'],
  ['schemas', 'Schemas'],
  ['recipes', 'Recipes'],
  ['operations', 'Operations'],
  ['migrate', 'Migrate'],
  ['reference', 'Reference'],
  ['reference/protocol', 'Wire protocol'],
  ['contributing', 'Contributing'],
  ['contributing/decisions', 'Decisions'],
]

/** Reads all pages below a folder `docs`, without those that TypeDoc makes, in the order of the site. */
export function readGuides(docs: string): Guide[] {
  return readdirSync(docs, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.md') && !/^(\.vitepress|reference\/api)\//.test(path))
    .map((path) => guideOf(path, readFileSync(join(docs, path), 'utf8')))
    .sort((a, b) => rank(a) - rank(b) || a.order - b.order || a.title.localeCompare(b.title))
}

/** What the site shows of a page with this text. */
export function guideOf(path: string, text: string): Guide {
  const [front = '', header = ''] = /^---\n([\s\S]*?)\n---\n/.exec(text) ?? []
  const body = text.slice(front.length)
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}: *(.+?) *$`, 'm').exec(header)?.[1]?.replace(/^(['"])(.*)\1$/, '$2')
  const title = field('title') ?? /^# (.+)$/m.exec(body)?.[1] ?? path
  const order = Number(field('order') ?? Number.POSITIVE_INFINITY)
  const section = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''
  return { path, section, title: plain(title), order, summary: field('description') ?? firstParagraph(body) }
}

function rank({ section }: Guide): number {
  const index = sections.findIndex(([folder]) => folder === section)
  return section === '' ? -1 : index === -1 ? sections.length : index
}

function firstParagraph(body: string): string {
  const paragraphs = body.replaceAll(/^(```|~~~)[\s\S]*?^\1$/gm, '').split(/\n\s*\n/)
  return plain(paragraphs.find((one) => /^[\w`[*"]/.test(one.trim())) ?? '')
}

/** Text of Markdown without its marks. */
function plain(text: string): string {
  return text
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[`*]/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
