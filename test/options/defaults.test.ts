/** The table of defaults: its names have units, and no option has its default elsewhere. */
import t from 'tap'
import { defaults } from '../../src/options/index.js'
import { readSources } from '../repository/sources.js'

t.test('names carry their unit, and nothing can change them', async (t) => {
  t.ok(Object.isFrozen(defaults))
  const numbers = Object.entries(defaults).filter(([, value]) => typeof value === 'number')
  t.ok(numbers.length > 40)
  for (const [name] of numbers) {
    t.match(
      name,
      /(Ms|Bytes|HighWaterMark|Frames|Connections|Sources|Hops|Threads|Sockets|Endpoints|Sessions|Calls|Attempts|Messages|Queues|Peers|Announcements|Watches|Views|Errors|Keys|Factor|Length|PerSecond)$/,
      name,
    )
  }
})

/** Lines that give an option a default of their own: a literal where a rule takes its default, or in place of an option. */
function ownDefaults(path: string, text: string): string[] {
  const literal = String.raw`(?:-?\d|'|true\b|false\b|Number\.POSITIVE_INFINITY|endless\b)`
  const rule = new RegExp(
    String.raw`fallback: ${literal}|\bflag\(${literal}|\boneOf\((?:\[[^\]]*\]|\w+), ${literal}|countOrEndless\(${literal}`,
  )
  const option = new RegExp(
    String.raw`\b(?:timeoutMs|drain|concurrency|waitForReady|insecure|overflow) (?:=|\?\?) ${literal}`,
  )
  return text
    .split('\n')
    .flatMap((line, at) => (rule.test(line) || option.test(line) ? [`${path}:${at + 1} ${line.trim()}`] : []))
}

t.test('no option has its default elsewhere', async (t) => {
  const files = readSources('src', 'patterns').filter(({ path }) => !path.startsWith('src/options/'))
  t.ok(files.length > 200)
  t.strictSame(
    files.flatMap(({ path, text }) => ownDefaults(path, text)),
    [],
  )
  for (const line of [
    'maxBytes: integer({ min: 1, max: 10, fallback: 5 }),',
    'insecure: flag(false),',
    "overflow: oneOf(overflowPolicies, 'block'),",
    'const { drain = true, timeoutMs = defaults.closeTimeoutMs } = options',
    'maxLength: countOrEndless(endless),',
  ]) {
    t.equal(ownDefaults('src/a.ts', line).length, 1, line)
  }
})
