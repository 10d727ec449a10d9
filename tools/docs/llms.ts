/** `llms.txt` of the site: what the package is, and a line for each page, with the address of its Markdown. */
import { type Guide, sections } from './guides.js'

/** The text for these pages; `addressOf` gives the address of the Markdown of a page. */
export function llmsText(
  { name, description }: { readonly name: string; readonly description: string },
  guides: readonly Guide[],
  addressOf: (path: string) => string,
): string {
  const groups = sections.flatMap(([folder, title]) => {
    const lines = guides
      .filter(({ section }) => section === folder)
      .map(
        ({ path, title, summary }) =>
          `- [${title}](${addressOf(path)})${summary === '' ? '' : `: ${shorten(summary)}`}`,
      )
    return lines.length === 0 ? [] : [`## ${title}\n\n${lines.join('\n')}`]
  })
  return [`# ${name}`, `> ${description}`, ...groups].join('\n\n').concat('\n')
}

/** The first sentence of a text. */
function shorten(text: string): string {
  return /^.*?[.:](?= |$)/.exec(text)?.[0].replace(/:$/, '.') ?? text
}
