/** The comment that opens a source file, as plain text: what a program of the repository prints for `--help`. */

/** Returns the text of the comment that a source opens with, without its marks; empty where it opens with none. */
export function openingComment(source: string): string {
  const [, comment = ''] = /^\/\*\*(.*?)\*\//s.exec(source) ?? []
  return comment
    .split('\n')
    .map((line) => line.replace(/^ \* ?/, '').trim())
    .join('\n')
    .trim()
}
