/**
 * What the docstrings of public symbols must hold, by TypeDoc's description of them.
 *
 * A number or a flag has a default, and says it; an option such as `signal` or `schema` has none.
 */

interface Text {
  readonly text: string
}

interface Comment {
  readonly summary?: readonly Text[]
  readonly blockTags?: readonly { readonly tag: string; readonly content: readonly Text[] }[]
}

/** A symbol, or a member of one. */
export interface ApiSymbol {
  readonly name: string
  readonly variant: string
  readonly flags?: { readonly isOptional?: boolean }
  readonly type?: { readonly name?: string }
  readonly comment?: Comment
  readonly signatures?: readonly { readonly comment?: Comment }[]
  readonly children?: readonly ApiSymbol[]
}

/** Complains about factories without an example, and without what they fail with; the example of `createHub` is on its page. */
export function factoriesWithout(symbols: readonly ApiSymbol[]): string[] {
  const factories = symbols.filter(({ name }) => /^(create|connect|reconnect)[A-Z]/.test(name) && name !== 'createHub')
  return factories.flatMap(({ name, signatures = [] }) =>
    signatures.flatMap(({ comment }) => {
      const tags = (comment?.blockTags ?? []).map(({ tag }) => tag)
      return [
        ...(tags.includes('@example') ? [] : [`${name} has no @example`]),
        ...(tags.includes('@error') || tags.includes('@throws') ? [] : [`${name} has no @error and no @throws`]),
      ]
    }),
  )
}

/** Complains about numbers and flags of options that do not say what holds where they are left out. */
export function optionsWithoutDefault(symbols: readonly ApiSymbol[]): string[] {
  return symbols
    .filter(({ name }) => name.endsWith('Options'))
    .flatMap(({ name, children = [] }) =>
      children
        .filter(({ flags, type }) => flags?.isOptional && ['number', 'boolean'].includes(type?.name ?? ''))
        .filter(({ comment }) => !/default|left out/i.test(wordsOf(comment)))
        .map((option) => `${name}.${option.name} does not state its default`),
    )
}

function wordsOf(comment: Comment | undefined): string {
  const tags = (comment?.blockTags ?? []).flatMap(({ tag, content }) => [{ text: tag }, ...content])
  return [...(comment?.summary ?? []), ...tags].map(({ text }) => text).join('')
}
