/**
 * The built site as its tests read it: its pages, their links, and the ways between them.
 *
 * It reads files; how pages look is for a browser.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

/** A page of the site. */
export interface SitePage {
  /** The targets of its links, as they are written. */
  readonly links: readonly string[]
  /** Its anchors. */
  readonly anchors: ReadonlySet<string>
  /** Its HTML between the navigation and the footer; all of it for pages without one. */
  readonly main: string
}

/** The files of a site: pages by their path from its root, `undefined` for other files. */
export type Site = ReadonlyMap<string, SitePage | undefined>

/** Reads a built site. */
export function readSite(folder: string): Site {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return new Map(
    paths.map((path) => [
      path.replaceAll('\\', '/'),
      path.endsWith('.html') ? pageOf(readFileSync(join(folder, path), 'utf8')) : undefined,
    ]),
  )
}

/** What a page of this HTML is. */
export function pageOf(html: string): SitePage {
  const values = (pattern: RegExp): string[] => [...html.matchAll(pattern)].map(([, value = '']) => decode(value))
  return {
    links: values(/<a\b[^>]*?\bhref="([^"]+)"/g),
    anchors: new Set(values(/\bid="([^"]+)"/g)),
    main: /<main\b[\s\S]*<\/main>/.exec(html)?.[0] ?? html,
  }
}

/** The links of a site that lead to no page, or to no place of it; each once, with a page that has it. */
export function brokenLinks(site: Site): string[] {
  const broken = new Map<string, string>()
  for (const [path, page] of site) {
    for (const link of page?.links ?? []) {
      const target = targetOf(path, link)
      if (target === undefined) continue
      const [file, anchor] = target
      const found = site.get(file)
      const isThere = site.has(file) && (anchor === '' || found === undefined || found.anchors.has(anchor))
      if (!isThere) broken.set(`${file}#${anchor}`, `${path}: ${link}`)
    }
  }
  return [...broken.values()]
}

/** Addresses that pages load from other servers: scripts, styles, images. */
export function foreignParts(html: string): string[] {
  return [...html.matchAll(/<(?:script|img|link|iframe|source)\b[^>]*?\b(?:src|href)="((?:https?:)?\/\/[^"]+)"/g)].map(
    ([, address = '']) => address,
  )
}

/** How many clicks lead from one page to another, at most `limit`; `undefined` if no way is as short. */
export function clicks(site: Site, from: string, to: string, limit: number): number | undefined {
  let reached = new Set([from])
  for (let count = 0; count <= limit; count++) {
    if (reached.has(to)) return count
    const next = new Set(reached)
    for (const path of reached) {
      for (const link of site.get(path)?.links ?? []) {
        const [file] = targetOf(path, link) ?? []
        if (file !== undefined) next.add(file)
      }
    }
    reached = next
  }
  return undefined
}

/** The file and the anchor that a link names; `undefined` for another server. */
function targetOf(path: string, link: string): readonly [file: string, anchor: string] | undefined {
  if (/^([a-z]+:|\/\/)/.test(link)) return
  const [address = '', anchor = ''] = link.split('#').map(decodeURIComponent)
  const file = address === '' ? path : posix.join(address.startsWith('/') ? '' : posix.dirname(path), `./${address}`)
  return [file === './' || file === '' ? 'index.html' : file.replace(/\/$/, '/index.html'), anchor]
}

function decode(text: string): string {
  return text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}
