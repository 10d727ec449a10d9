/**
 * `docs/reference/options.md`: every option by the factory that takes it, with its default, from the docstrings; and the
 * values of `src/options/defaults.ts` that no option changes.
 *
 * `npm run options` writes the page; `test/repository/reference.test.ts` fails where it is not up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { defaults } from '../../src/options/index.js'
import { root } from '../build.js'
import { filesUnder } from '../plain.js'
import { type DefaultUse, defaultOf, defaultUses } from './option-defaults.js'
import {
  type Docstring,
  entryFiles,
  entryTitles,
  type PublicMember,
  type PublicSignature,
  type PublicSymbol,
  readPublicInterface,
} from './public-interface.js'
import { slug } from './slug.js'

/** The page, from the repository's root. */
export const optionsPage = 'docs/reference/options.md'

/** Whether a symbol is a set of options. */
export function isOptions({ kind, name }: PublicSymbol): boolean {
  return kind === 'interface' && (/(Options|Settings)$/.test(name) || name === 'AskDefinition')
}

/** Where the code uses the table of defaults. */
export function readDefaultUses(): DefaultUse[] {
  const paths = ['src', 'patterns'].flatMap((folder) => filesUnder(folder).filter((path) => path.endsWith('.ts')))
  return defaultUses(
    paths.map((path) => ({ path: path.replaceAll('\\', '/'), text: readFileSync(join(root, path), 'utf8') })),
  )
}

/** The text of the page. */
export function optionsText(symbols: readonly PublicSymbol[], uses: readonly DefaultUse[]): string {
  const page = new Page(symbols)
  const groups = entryTitles.flatMap(([entry, title]) => {
    const sections = page.sectionsOf(entry)
    return sections.length === 0 ? [] : [`## ${title}`, ...sections]
  })
  return [head, ...groups, ...fixedValues(page.options, uses)].join('\n\n').concat('\n')
}

const head = `---
order: 12
---

# Options

Every option with its default. Times are in milliseconds, sizes in bytes; \`Infinity\` is no limit, and "none" means that the
option is left out. An option that a factory does not know is refused with [\`RIVULET_INVALID_OPTION\`](errors.md#rivulet_invalid_option),
and so is a value outside of its bounds; the message names the option, the bounds and the value.

<!-- This page is made from the docstrings: change them, and run \`npm run options\`. -->`

/** A set of options, and what takes it. */
interface OptionSet extends PublicSymbol {
  readonly functions: readonly string[]
  readonly methods: readonly string[]
  /** The heading of its section: the functions that take it, or its name if methods do, or if they take another one, too. */
  readonly title: string
}

class Page {
  readonly #symbols: readonly PublicSymbol[]
  readonly options: readonly OptionSet[]

  constructor(symbols: readonly PublicSymbol[]) {
    this.#symbols = symbols
    const sets = symbols.filter(isOptions).map((one) => ({ ...one, ...takersOf(one.name, symbols) }))
    this.options = sets.map((one) => {
      const isAlone = one.functions.every((taker) => sets.every((set) => set === one || !set.functions.includes(taker)))
      const byFunction = one.functions.length > 0 && one.methods.length === 0 && isAlone
      return { ...one, title: byFunction ? listOf(one.functions.map(code)) : code(one.name) }
    })
  }

  /** The sections of an entry: the options of its factories first, and before them those of all resources. */
  sectionsOf(entry: string): string[] {
    const rank = ({ name, functions }: OptionSet) => (name === 'SocketOptions' ? 0 : functions.length > 0 ? 1 : 2)
    const sets = this.options.filter((one) => one.entry === entry).sort((a, b) => rank(a) - rank(b))
    return sets.flatMap((options) => {
      const own = options.members.filter((member) => this.#homeOf(member, options) === options)
      const also = this.#inherited(options)
      if (own.length === 0 && also === '') return []
      const text = [this.#text(options.doc.text), this.#takers(options), also].filter((part) => part !== '').join(' ')
      const rows = own.map((member) => this.#row(member, options))
      const table = ['| Option | Default | What it is |', '| --- | --- | --- |', ...rows].join('\n')
      return [`### ${options.title}`, text, ...(rows.length === 0 ? [] : [table])]
    })
  }

  /** Where an option has its row: at the set of options that declares it, if users can name that. */
  #homeOf(member: PublicMember, options: OptionSet): OptionSet {
    return this.options.find(({ name, file }) => name === member.owner && file === member.file) ?? options
  }

  #inherited(options: OptionSet): string {
    const homes = new Map<OptionSet, string[]>()
    for (const member of options.members) {
      const home = this.#homeOf(member, options)
      const link = `[${code(member.name)}](#${anchorOf(home, member.name)})`
      if (home !== options) homes.set(home, [...(homes.get(home) ?? []), link])
    }
    return [...homes].map(([home, links]) => `Also ${listOf(links)} of ${linkTo(home)}.`).join(' ')
  }

  /** The methods, or the options, that take a set of options. */
  #takers(options: OptionSet): string {
    if (options.title !== code(options.name)) return ''
    const callers = [...options.functions, ...options.methods].map(code)
    if (callers.length > 0) return `Taken by ${listOf(callers)}.`
    const isNamed = new RegExp(`\\b${options.name}\\b`)
    const fields = this.options.flatMap((one) =>
      one.members
        .filter((member) => isNamed.test(member.type) && this.#homeOf(member, one) === one)
        .map(({ name }) => `[${code(name)}](#${anchorOf(one, name)}) of ${linkTo(one)}`),
    )
    return fields.length === 0 ? '' : `Taken by the option ${listOf(fields)}.`
  }

  #row(member: PublicMember, options: OptionSet): string {
    const { name, isOptional, doc, values } = member
    const given = doc.tags.find((tag) => tag.name === 'defaultValue')?.text
    const rankOf = (value: string): number => (given?.startsWith(value) ? 0 : 1)
    const fallback = given === undefined ? (isOptional ? '' : 'required') : this.#text(given)
    // the compiler has them in no order: the default, then the others
    const texts = values.map((value) => code(`'${value}'`)).sort()
    const choice = [...texts].sort((a, b) => rankOf(a) - rankOf(b))
    const oneOf = values.length === 0 ? '' : ` One of ${listOf(choice, 'or')}.`
    const cells = [`<a id="${anchorOf(options, name)}"></a>${code(name)}`, fallback, `${this.#text(doc.text)}${oneOf}`]
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  }

  /** Text of a docstring in one line, with links to symbols and to codes of errors. */
  #text(text: string): string {
    const line = text.replaceAll(/\s+/g, ' ').trim()
    return withCodes(line.replaceAll(/\{@link (\w+)\}/g, (_, name: string) => this.#link(name)))
  }

  #link(name: string): string {
    const options = this.options.find((one) => one.name === name)
    if (options !== undefined) return linkTo(options)
    const symbol = this.#symbols.find((one) => one.name === name)
    if (symbol === undefined) throw new Error(`{@link ${name}} names nothing that is exported`)
    return `[${code(name)}](${apiPage(symbol)})`
  }
}

/** The functions and methods that take a set of options, each once. */
function takersOf(options: string, symbols: readonly PublicSymbol[]): Pick<OptionSet, 'functions' | 'methods'> {
  const isNamed = new RegExp(`\\b${options}\\b`)
  const takes = (signatures: readonly PublicSignature[]): boolean =>
    signatures.some(({ parameterTypes }) => parameterTypes.some((type) => isNamed.test(type)))
  const functions = symbols.filter(({ kind, signatures }) => kind === 'function' && takes(signatures))
  const methods = symbols.flatMap(({ name, members }) =>
    members.filter(({ owner, signatures }) => owner === name && takes(signatures)).map((one) => `${name}.${one.name}`),
  )
  return { functions: functions.map(({ name }) => name), methods: [...new Set(methods)] }
}

function code(text: string): string {
  return `\`${text}\``
}

function linkTo({ name, title }: OptionSet): string {
  return `[${code(name)}](#${slug(title)})`
}

function anchorOf(options: PublicSymbol, option: string): string {
  return `${options.name}-${option}`.toLowerCase()
}

/** The page of a symbol below `docs/reference`. */
function apiPage({ entry, name, kind }: PublicSymbol): string {
  const folders = {
    class: 'classes',
    function: 'functions',
    interface: 'interfaces',
    type: 'type-aliases',
    variable: 'variables',
  }
  return `api/${entry}/${folders[kind]}/${name}.md`
}

/** Codes of errors in a text as links to their sections. */
function withCodes(text: string): string {
  return text.replaceAll(
    /`?\b(RIVULET(?:_[A-Z]+)+)\b`?/g,
    (_, code: string) => `[\`${code}\`](errors.md#${code.toLowerCase()})`,
  )
}

function listOf(parts: readonly string[], word = 'and'): string {
  const last = parts.at(-1) ?? ''
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(', ')} ${word} ${last}`
}

/** The values that no option changes. */
function fixedValues(sets: readonly OptionSet[], uses: readonly DefaultUse[]): string[] {
  const options = sets.flatMap(({ members }) => members)
  const changed = new Set(options.map((option) => defaultOf(option, uses)))
  const rows = readDefaults()
    .filter(({ name }) => !changed.has(name))
    .map(({ name, value, text }) => `| <a id="${name.toLowerCase()}"></a>\`${name}\` | ${value} | ${withCodes(text)} |`)
  const head = '| Name | Value | What it is |\n| --- | --- | --- |'
  return [
    '## Fixed values',
    'Limits and times that the other pages name, and that no option changes.',
    [head, ...rows].join('\n'),
  ]
}

/** The table of defaults with its comments. */
function readDefaults(): { name: string; value: string; text: string }[] {
  const path = join(root, 'src', 'options', 'defaults.ts')
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true)
  const found: { name: string; value: string; text: string }[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node)) {
      const name = node.name.getText() as keyof typeof defaults
      const text = ts
        .getJSDocCommentsAndTags(node)
        .map((one) => ts.getTextOfJSDocComment(one.comment) ?? '')
        .join(' ')
      found.push({ name, value: literal(defaults[name]), text: text.replaceAll(/\s+/g, ' ') })
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

/** A value as code: `10_000`. */
export function literal(value: number | string | boolean): string {
  if (typeof value === 'string') return `\`'${value}'\``
  const text = String(value)
  return `\`${typeof value === 'number' && value >= 10_000 ? text.replaceAll(/\B(?=(\d{3})+$)/g, '_') : text}\``
}

/** The default that a docstring begins with, as code: `10_000`; `undefined` if it is described in words. */
export function statedDefault({ tags }: Docstring): string | undefined {
  const text = tags.find(({ name }) => name === 'defaultValue')?.text ?? ''
  return /^`(?:'[^']*'|-?[\d_]+|Infinity|true|false)`/.exec(text)?.[0]
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(join(root, optionsPage), optionsText(readPublicInterface(entryFiles()), readDefaultUses()))
}
