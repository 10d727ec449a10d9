/**
 * Phrases that texts and names of this repository avoid, each with what to write instead: plain, active, and a noun for each thing.
 *
 * Each check takes files and returns complaints, so that the test can feed it a planted phrase and see it complain.
 */

/** A phrase to avoid, and what to write instead. */
interface Phrase {
  readonly pattern: RegExp
  readonly instead: string
}

const phrase = (pattern: string, instead: string): Phrase => ({
  pattern: new RegExp(String.raw`(?<![\w'-])(?:${pattern})(?![\w-])`, 'giu'),
  instead,
})

/** The phrases. Words between them may be broken over lines. */
export const phrases: readonly Phrase[] = [
  phrase('(?:is|are|was|were|be|been|being) told|told of', 'is notified, gets, is reported'),
  phrase('tells? (?:of|them|him|whoever|who|everybody|nobody)', 'reports, notifies'),
  phrase('says? so', 'reports it, or what it says'),
  phrase('whoever', 'the noun: a caller, a peer, the owner'),
  phrase(
    'who (?:comes?|came|subscribes?|subscribed|waits?|waited|joins?|joined)',
    'the noun: a late subscriber, the caller',
  ),
  phrase(
    'what (?:is|was|are) gone|what was sent|what (?:comes|came) (?:in|back|late)',
    'the noun: dropped messages, incoming frames',
  ),
  phrase("strange|strangers?(?:')?", 'malformed, untrusted peer'),
  phrase('ma(?:kes?|de) (?:no )?sense|garbage', 'invalid, malformed'),
  phrase('at the (?:most|least)', 'at most, at least'),
  phrase('anew', 'again'),
  phrase('by (?:itself|themselves)', 'automatically, alone, one by one'),
  phrase('go(?:es)? on|went on', 'continues'),
  phrase('com(?:es?|ing) about|came about', 'happens, succeeds'),
  phrase('com(?:es?|ing) to (?:its|an|their) end|came to (?:its|an|their) end', 'completes, ends'),
  phrase(String.raw`(?:is|are|was|were) over(?! (?:the|\$|\d))`, 'has ended, has passed'),
  phrase('under ?way', 'in flight, current, open'),
  phrase('on (?:its|their|the) way|way there and back', 'in transit, round trip'),
  phrase("nothing to do with|nobody's|(?:own )?business(?: of)?", 'which component does it'),
  phrase('in no hurry|second opinion', 'the plain statement'),
]

/** Parts of names that stand for no term: `parts` of a name are its words. */
export const nameParts: ReadonlySet<string> = new Set(
  'anew bury business fates garbage happenings heard hear nobody owed restless said shedding somebody strange stranger strangers tell tells told unheard untold whoever'.split(
    ' ',
  ),
)

/** A file as the checks see it. */
export interface TextFile {
  readonly path: string
  readonly text: string
}

/** Complains about phrases to avoid. */
export function checkPhrases(files: readonly TextFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const { joined, lineAt } = joinLines(text)
    return phrases.flatMap(({ pattern, instead }) =>
      [...joined.matchAll(pattern)].map(({ 0: found, index }) => {
        return `${path}:${lineAt(index)} says '${found}': write ${instead}`
      }),
    )
  })
}

/** Complains about names with parts that stand for no term. */
export function checkNames(files: readonly TextFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const code = text
      .replaceAll(/\/\*.*?\*\//gs, (comment) => comment.replaceAll(/[^\n]/g, ' '))
      .replaceAll(/'(?:\\.|[^'\\\n])*'|\/\/[^\n]*/g, '')
    return code.split('\n').flatMap((line, at) => {
      const names = new Set(line.match(/[A-Za-z_$][\w$]*/g) ?? [])
      const wrong = [...names].filter(
        (name) => /^goOn/i.test(name) || wordsOf(name).some((word) => nameParts.has(word)),
      )
      return wrong.map((name) => `${path}:${at + 1} has the name '${name}': use the standard term`)
    })
  })
}

/** The text with each run of white space and comment marks as one space, so that a phrase is found across lines. */
function joinLines(text: string): { joined: string; lineAt: (index: number) => number } {
  let joined = ''
  const starts: number[] = []
  for (const line of text.split('\n')) {
    starts.push(joined.length)
    joined += `${line.replace(/^\s*(?:\/\/|\/?\*+)?\s*/, '')} `
  }
  return { joined, lineAt: (index) => starts.findLastIndex((start) => start <= index) + 1 }
}

function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .split(/[\s_$\d]+/)
    .map((word) => word.toLowerCase())
}
