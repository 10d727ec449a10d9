/**
 * Links of pages that leave `docs`: on the site they lead to a page that shows the file.
 *
 * In the repository `../../examples/rpc.ts` is that file; the site has it at `/source/examples/rpc.ts.html`. The records of
 * the wire, `docs/protocol`, are files of the site.
 */
import { posix } from 'node:path'
import type { MarkdownRenderer } from 'vitepress'
import { sourceAddress } from './source-pages.js'

/** Where such links lead, and which files they name. */
export interface RepositoryLinksOptions {
  /** The files that pages link to, from the repository's root; each link adds its own. */
  readonly linked: Set<string>
}

/** Makes links of Markdown that leave `docs` links to pages of files. */
export function repositoryLinks(md: MarkdownRenderer, { linked }: RepositoryLinksOptions): void {
  md.core.ruler.push('repository-links', (state) => {
    for (const token of state.tokens.flatMap(({ children }) => children ?? [])) {
      if (token.type !== 'link_open') continue
      const href = token.attrGet('href')
      const target = href === null ? undefined : leaving(href, state.env.relativePath ?? '')
      if (target === undefined) continue
      if (target.startsWith('docs/')) token.attrSet('href', `/${target.slice('docs/'.length)}`)
      else {
        linked.add(target)
        token.attrSet('href', sourceAddress(target))
      }
    }
  })
}

/** The file of the repository that a link of a page names, if the page is not one of Markdown below `docs`. */
function leaving(href: string, page: string): string | undefined {
  if (/^([a-z]+:|\/|#)/.test(href)) return
  const target = posix.join('docs', posix.dirname(page), href.replace(/#.*/, ''))
  return target.startsWith('docs/') && !/\.(avsc|avpr)$/.test(target) ? undefined : target
}
