/**
 * What the docstrings of the public interface must have.
 *
 * Each check takes symbols as `tools/docs/public-interface.ts` reads them, and returns complaints. That a sentence is true is
 * for its author to see to: only defaults are compared with the code.
 */
import { type DefaultUse, defaultOf } from '../../tools/docs/option-defaults.js'
import { isOptions, literal, statedDefault } from '../../tools/docs/options-page.js'
import type { Docstring, PublicMember, PublicSignature, PublicSymbol } from '../../tools/docs/public-interface.js'

/** A signature with the name that users know it by: `Producer.send`. */
interface NamedSignature extends PublicSignature {
  readonly name: string
}

/** Complains about symbols and members without a docstring. */
export function checkDocstrings(symbols: readonly PublicSymbol[]): string[] {
  const hasText = ({ text, tags }: Docstring): boolean =>
    text.trim() !== '' || tags.some(({ name }) => name === 'hidden')
  return symbols.flatMap(({ entry, name, doc, members }) => [
    ...(hasText(doc) ? [] : [`${entry}: ${name} has no docstring`]),
    ...members.filter((one) => !hasText(one.doc)).map((one) => `${entry}: ${name}.${one.name} has no docstring`),
  ])
}

/** Complains about parameters of functions and methods without `@param`, and about those that do not exist. */
export function checkParameters(symbols: readonly PublicSymbol[]): string[] {
  return signaturesOf(symbols).flatMap(({ name, doc, parameters }) => {
    const described = doc.tags.filter((tag) => tag.name === 'param')
    const names = described.map(({ text }) => /^\w+/.exec(text)?.[0] ?? '')
    const empty = described.filter(({ text }) => !/^\w+\s+-?\s*[\w`*]/.test(text)).map(({ text }) => text.trim())
    return [
      ...parameters.filter((one) => !names.includes(one)).map((one) => `${name}: the parameter ${one} has no @param`),
      ...names.filter((one) => !parameters.includes(one)).map((one) => `${name}: there is no parameter ${one}`),
      ...empty.map((one) => `${name}: @param ${one} says nothing`),
    ]
  })
}

/** Complains about factories without an example, and about what can fail without naming a code. */
export function checkErrors(symbols: readonly PublicSymbol[], codes: readonly string[]): string[] {
  const signatures = signaturesOf(symbols)
  const hasTag = (doc: Docstring, ...names: string[]): boolean => doc.tags.some(({ name }) => names.includes(name))
  const shown = new Set(signatures.filter(({ doc }) => hasTag(doc, 'example')).map(({ name }) => name))
  const factories = signatures
    .map(({ name }) => name)
    .filter((name) => /^(create|connect|reconnect|define)[A-Z]/.test(name))
  const unshown = [...new Set(factories)].filter((name) => !shown.has(name)).map((name) => `${name} has no @example`)
  const unnamed = signatures.flatMap(({ name, doc, isAsync }) => {
    const errors = doc.tags.filter((tag) => tag.name === 'throws' || tag.name === 'error')
    const named = errors.flatMap(({ text }) => text.match(/RIVULET(?:_[A-Z]+)+(?![A-Z_])/g) ?? [])
    const fails = factories.includes(name) || (isAsync && !/never (?:rejects|fails)/i.test(doc.text))
    return [
      ...(fails && named.length === 0 ? [`${name} has no @throws or @error with a code`] : []),
      ...named.filter((code) => !codes.includes(code)).map((code) => `${name}: there is no code ${code}`),
    ]
  })
  return [...unshown, ...unnamed]
}

/** Complains about names of other symbols of an entry that are no `{@link}`; short words such as `bytes` may be fields. */
export function checkLinks(symbols: readonly PublicSymbol[]): string[] {
  const isClear = (name: string): boolean => /^[A-Z]\w*[a-z]|^[a-z]+[A-Z]/.test(name)
  return symbols.flatMap(({ entry, name: self, doc, signatures, members }) => {
    const linked = new Set(symbols.filter((one) => one.entry === entry).map(({ name }) => name))
    const texts = (named: string, ...docs: readonly Docstring[]): string[] =>
      docs
        .flatMap(({ text, tags }) => [text, ...tags.filter(({ name }) => name !== 'example').map((tag) => tag.text)])
        .flatMap((text) => [...text.matchAll(/`(\w+)`/g)].map(([, name = '']) => name))
        .filter((name) => linked.has(name) && name !== self && isClear(name))
        .map((name) => `${entry}: ${named} names ${name} without {@link}`)
    const ofMembers = members
      .filter(({ owner }) => owner === self)
      .flatMap((one) => texts(`${self}.${one.name}`, one.doc, ...one.signatures.map((signature) => signature.doc)))
    return [...new Set([...texts(self, doc, ...signatures.map((one) => one.doc)), ...ofMembers])]
  })
}

/** Complains about options without a default, a unit or bounds, and about defaults that differ from the table. */
export function checkOptions(
  symbols: readonly PublicSymbol[],
  uses: readonly DefaultUse[],
  table: Readonly<Record<string, string | number | boolean>>,
): string[] {
  return symbols.filter(isOptions).flatMap(({ name, members }) =>
    members.flatMap((option) => {
      const complaints = option.isOptional ? checkDefault(option, uses, table) : checkRequired(option)
      return [...complaints, ...checkUnit(option)].map((complaint) => `${name}.${option.name} ${complaint}`)
    }),
  )
}

function checkDefault(
  option: PublicMember,
  uses: readonly DefaultUse[],
  table: Readonly<Record<string, string | number | boolean>>,
): string[] {
  const { text = '' } = option.doc.tags.find(({ name }) => name === 'defaultValue') ?? {}
  if (text.trim() === '') return ['has no @defaultValue']
  const key = defaultOf(option, uses)
  const stated = statedDefault(option.doc)
  if (key === undefined) return stated === undefined ? [] : [`has the default ${stated}, which is not in the table`]
  const value = table[key] as string | number | boolean
  if (stated !== literal(value))
    return [`has the default ${stated ?? text}, and ${key} of the table is ${literal(value)}`]
  const [, count = '', unit = ''] = /\((\d+) ([KMG]iB)\)/.exec(text) ?? []
  const isRight = unit === '' || Number(count) * 1024 ** ('KMG'.indexOf(unit.slice(0, 1)) + 1) === value
  return isRight ? [] : [`has the default ${count} ${unit}, which is not ${literal(value)}`]
}

function checkRequired({ doc }: PublicMember): string[] {
  return doc.tags.some(({ name }) => name === 'defaultValue') ? ['is required, and has a @defaultValue'] : []
}

/** Numbers have bounds; times and sizes have their unit. */
function checkUnit({ name, type, doc }: PublicMember): string[] {
  if (type !== 'number') return []
  const unit = name.endsWith('Ms') ? 'milliseconds' : /bytes$/i.test(name) ? 'bytes' : ''
  return [
    ...(doc.text.toLowerCase().includes(unit) ? [] : [`does not name its unit, ${unit}`]),
    ...(/\d.* to |\bto \d|or more|above \d|at most/.test(doc.text.replaceAll('\n', ' ')) ? [] : ['has no bounds']),
  ]
}

/** The signatures of functions, classes and methods; methods of several types once. */
function signaturesOf(symbols: readonly PublicSymbol[]): NamedSignature[] {
  const found = symbols.flatMap(({ name, signatures, members }) => [
    ...signatures.map((one) => [name, '', one] as const),
    ...members.flatMap((member) =>
      member.signatures.map((one) => [`${member.owner}.${member.name}`, member.file, one] as const),
    ),
  ])
  const known = new Map(found.map(([name, file, one]) => [JSON.stringify([name, file, one]), { ...one, name }]))
  return [...known.values()]
}
