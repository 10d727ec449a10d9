/**
 * The reference: docstrings of the public interface say what users need, defaults are those of the code, and the page of
 * options is made from them.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { errorCodes } from '../../src/errors/codes.js'
import { defaults } from '../../src/options/index.js'
import { root } from '../../tools/build.js'
import { joinPages } from '../../tools/docs/api-pages.js'
import { countersPage, countersText, isCounters } from '../../tools/docs/counters-page.js'
import { defaultUses } from '../../tools/docs/option-defaults.js'
import { optionsPage, optionsText, readDefaultUses } from '../../tools/docs/options-page.js'
import { entryFiles, type PublicSymbol, readPublicInterface } from '../../tools/docs/public-interface.js'
import { checkDocstrings, checkErrors, checkLinks, checkOptions, checkParameters } from './docstrings.js'
import { entries } from './manifest.js'
import { checkBounds, readBounds } from './option-bounds.js'
import { readSources } from './sources.js'

/** A module with one fault for each complaint. */
const planted = `
/** Options of createIt. */
export interface ItOptions {
  /** How many, 1 to 5. */
  readonly noDefault?: number
  /** How many, 1 to 5. @defaultValue \`3\` */
  readonly count?: number
  /** How large, in bytes, 1 to 5 KiB. @defaultValue \`20_480\` (30 KiB) */
  readonly sizeBytes?: number
  /** How long, 1 to 5. @defaultValue none */
  readonly waitMs?: number
  /** How many. @defaultValue none */
  readonly unbounded?: number
  /** How often, 1 to 5. @defaultValue \`4\` */
  readonly elsewhere?: number
  /** Must be given. @defaultValue \`'a'\` */
  readonly given: string
  /** Whether. @defaultValue \`true\` */
  readonly right?: boolean
  readonly undocumented: string
}
/** Makes it. @param gone - Is no parameter. @param options */
export function createIt(options?: ItOptions): void {}
/** What \`createIt\` returns, of {@link ItOptions}. */
export interface It {
  /** Sends. @param value - What is sent. @error RIVULET_INVENTED */
  send(value: string): Promise<void>
  /** Ends; never rejects. */
  end(): Promise<void>
  /** Waits. */
  wait(): Promise<void>
}
export const nothing = 1
/** @internal */
export const hidden = 1
`
const plantedUses = 'const rules = { count: f(defaults.count), sizeBytes: defaults.size, right: defaults.right }'

t.setTimeout(180_000)

// one program of the compiler for all of it
const fixture = join(t.testdir({ 'planted.ts': planted }), 'planted.ts')
const all = readPublicInterface([...entryFiles(), { entry: 'planted', path: fixture }])
const symbols = all.filter(({ entry }) => entry !== 'planted')
const faulty = all.filter(({ entry }) => entry === 'planted')
const uses = readDefaultUses()
const codes = Object.keys(errorCodes)

t.test('the interface is read whole', async (t) => {
  t.strictSame([...new Set(symbols.map(({ entry }) => entry))].sort(), [...entries].sort())
  const find = (name: string): PublicSymbol | undefined => symbols.find((one) => one.name === name)
  t.equal(find('createPush')?.entry, 'rivulet/queue')
  t.ok(
    find('PushOptions')?.members.some(({ name }) => name === 'security'),
    'with what is inherited',
  )
  t.strictSame(find('Consumer')?.members.find(({ name }) => name === 'process')?.signatures[0]?.parameters, [
    'project',
    'options',
  ])
})

t.test('each symbol and member has a docstring', async (t) => {
  t.strictSame(checkDocstrings(symbols), [])
  t.strictSame(checkDocstrings(faulty), [
    'planted: ItOptions.undocumented has no docstring',
    'planted: nothing has no docstring',
  ])
})

t.test('each parameter is described', async (t) => {
  t.strictSame(checkParameters(symbols), [])
  t.strictSame(checkParameters(faulty), [
    'createIt: there is no parameter gone',
    'createIt: @param options says nothing',
  ])
})

t.test('factories have an example, and what fails names its codes', async (t) => {
  t.strictSame(checkErrors(symbols, codes), [])
  t.strictSame(checkErrors(faulty, codes), [
    'createIt has no @example',
    'createIt has no @throws or @error with a code',
    'It.send: there is no code RIVULET_INVENTED',
    'It.wait has no @throws or @error with a code',
  ])
})

t.test('other symbols are linked', async (t) => {
  t.strictSame(checkLinks(symbols), [])
  t.strictSame(checkLinks(faulty), ['planted: It names createIt without {@link}'])
})

t.test('each option has its unit, its bounds, and the default of the code', async (t) => {
  t.strictSame(checkOptions(symbols, uses, defaults), [])
  const table = { count: 4, size: 20_480, right: true }
  t.strictSame(checkOptions(faulty, defaultUses([{ path: 'a.ts', text: plantedUses }]), table), [
    'ItOptions.noDefault has no @defaultValue',
    'ItOptions.count has the default `3`, and count of the table is `4`',
    'ItOptions.sizeBytes has the default 30 KiB, which is not `20_480`',
    'ItOptions.waitMs does not name its unit, milliseconds',
    'ItOptions.unbounded has no bounds',
    'ItOptions.elsewhere has the default `4`, which is not in the table',
    'ItOptions.given is required, and has a @defaultValue',
  ])
})

t.test('the bounds that docstrings name are those of the rules', async (t) => {
  const bounds = readBounds(readSources('src', 'patterns'), defaults)
  t.ok(bounds.length > 50)
  t.ok(
    bounds.every(({ min, max }) => min <= max),
    'each is a number',
  )
  t.strictSame(checkBounds(symbols, uses, bounds), [])
  const text = 'const six = 2 * 3\nconst rules = { count: integer({ min: 1, max: six, fallback: defaults.count }) }'
  const found = readBounds([{ path: 'a.ts', text }], {})
  t.strictSame(found, [{ file: 'a.ts', key: 'count', min: 1, max: 6 }])
  const plantedUse = defaultUses([{ path: 'a.ts', text: plantedUses }])
  t.strictSame(checkBounds(faulty, plantedUse, found), ['ItOptions.count does not name its bound 6'])
})

t.test('generated tables of options show what is required, words as words, and codes as links', async (t) => {
  const row = (name: string, type: string, value: string): string => `| \`${name}\` | ${type} | ${value} | What. |`
  const table = [
    '| Property | Type | Default value | Description |',
    '| :------ | :------ | :------ | :------ |',
    row('a', '`string` \\| `number`', '`undefined`'),
    row('b?', '`string`', '`the name of the host`'),
    row('c?', '`boolean`', '`false`'),
    row('d?', '`number`', '`10_000` (10 s)'),
    "| `e?` | `string` | `'f'` | RIVULET_TIMEOUT |",
  ].join('\n')
  const shown = joinPages(new Map([['rivulet/interfaces/AOptions.md', `${table}\n\nBehind: \`undefined\`\n`]]))
  const text = shown.get('rivulet/interfaces/AOptions.md') ?? ''
  t.match(text, row('a', '`string` \\| `number`', 'required'))
  t.match(text, row('b?', '`string`', 'the name of the host'))
  t.match(text, row('c?', '`boolean`', '`false`'))
  t.match(text, row('d?', '`number`', '`10_000` (10 s)'))
  t.match(text, "| `'f'` | [`RIVULET_TIMEOUT`](../../../errors.md#rivulet_timeout) |")
  t.match(text, 'Behind: `undefined`')
})

t.test('the page of options is up to date', async (t) => {
  const page = readFileSync(join(root, optionsPage), 'utf8')
  t.equal(page, optionsText(symbols, uses), 'run npm run options')
  t.notMatch(page, /\{@/, 'tags are links')
})

t.test('the page of counters is up to date, and has what each resource counts', async (t) => {
  const page = readFileSync(join(root, countersPage), 'utf8')
  t.equal(page, countersText(symbols), 'run npm run counters')
  const counted = symbols.filter(({ members }) => members.some(({ name }) => name === 'stats'))
  t.ok(counted.length > 10)
  for (const { name, members } of counted) {
    const type = members.find((member) => member.name === 'stats')?.type ?? ''
    const isGeneric = /=> (T|Stats)$/.test(type)
    const known = symbols.some((one) => isCounters(one) && new RegExp(`\\b${one.name}\\b`).test(type))
    t.ok(isGeneric || known, `${name}.stats(): ${type}`)
  }
  t.ok(countersText(symbols.filter(({ name }) => name !== 'PushStats')) !== page, 'a set that is left out is found')
})
