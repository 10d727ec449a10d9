/**
 * The search of the site: a list of sections that is made with it and read in the browser.
 *
 * Headings that all pages of the interface repeat are no sections: they would stand before the answers.
 */
import type { DefaultTheme, MarkdownEnv } from 'vitepress'

const repeated =
  'Type Parameters?|Parameters|Returns|Properties|Methods|Inherited from|Overrides|Implementation of|Interfaces|Type Aliases|Functions|Variables|Classes|References|Extends|Extended by|Error|Throws|Example|Call Signature|Type Declaration'

/** A word of a question as it is searched; `null` for words that every page has. Runs in the browser: it knows nothing else. */
export function searchedWord(word: string): string | null {
  const common =
    ' a all an and any are as at be between by can do does during for from happen happens how i if in is it its me my of on or that the their them there they this to was what when where which while who why will with you your '
  const lower = word.toLowerCase()
  return common.includes(` ${lower} `) ? null : lower
}

/** Guides before the interface, the bytes on the wire, and what contributors read. Runs in the browser, too. */
export function placeOf(page: string): number {
  return /\/(?:reference\/(?:api|protocol)|contributing)\//.test(page) ? 0.5 : 1
}

/** How words are matched and answers are ranked. */
export const ranking = {
  fuzzy: 0.2,
  prefix: true,
  boost: { title: 4, text: 2, titles: 2 },
  processTerm: searchedWord,
  boostDocument: placeOf,
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
