/**
 * The search of the site: a list of sections that is made with it and read in the browser.
 *
 * Headings that all pages of the interface repeat are no sections: they would stand before the answers.
 */
import type { DefaultTheme, MarkdownEnv } from 'vitepress'

const repeated =
  'Type Parameters?|Parameters|Returns|Properties|Methods|Inherited from|Overrides|Implementation of|Interfaces|Type Aliases|Functions|Variables|Classes|References|Extends|Extended by|Error|Throws|Example|Call Signature|Type Declaration'

/** How words are matched and answers are ranked: a section of a guide before one of the interface. */
export const ranking = {
  fuzzy: 0.2,
  prefix: true,
  boost: { title: 4, text: 2, titles: 1 },
}

/** The options of VitePress's local search. */
export const searchOptions: DefaultTheme.LocalSearchOptions = {
  detailedView: true,
  miniSearch: { searchOptions: ranking },
  _render: (source, env, md) => {
    const { highlight } = md.options
    // colours are not searched, and take most of the time
    md.options.highlight = null
    try {
      return withoutRepeated(env, md.render(source, env))
    } finally {
      md.options.highlight = highlight
    }
  },
}

/** The HTML of a page as it is searched. */
function withoutRepeated(env: MarkdownEnv, html: string): string {
  if (env.frontmatter?.search === false) return ''
  if (!env.relativePath.startsWith('reference/api/')) return html
  return html.replaceAll(new RegExp(`<h([2-6])[^>]*>(?:${repeated})\\b[\\s\\S]*?</h\\1>`, 'g'), '')
}
