/** The counts of `npm test`: what is green, what is red, and what would be red without an assertion to show it. */
import t from 'tap'
import { tally } from '../../tools/tally.js'

const file = (name: string, ok: boolean, ...lines: string[]): string =>
  [`# Subtest: ${name}`, ...lines.map((line) => `    ${line}`), `${ok ? 'ok' : 'not ok'} 1 - ${name}`].join('\n')

const report = (...lines: string[]): string => ['TAP version 14', ...lines, '1..1', ''].join('\n')

t.test('assertions count, the tests around them do not', async (t) => {
  const nested = ['# Subtest: inner', '    ok 1 - a', '    ok 2 - b', '    1..2', 'ok 1 - inner', '1..1']
  t.match(tally(report(file('one', true, ...nested))), { passed: 2, failed: 0, skipped: [], remarks: [] })
})

t.test('a failed assertion counts once', async (t) => {
  const nested = ['# Subtest: inner', '    ok 1 - a', '    not ok 2 - b', '    1..2', 'not ok 1 - inner', '1..1']
  t.match(tally(report(file('one', false, ...nested))), { passed: 1, failed: 1, remarks: [] })
})

t.test('a file that dies after its assertions passed is a failure', async (t) => {
  const count = tally(report(file('one', false, 'ok 1 - a', '1..1')))
  t.match(count, { passed: 1, failed: 1 })
  t.match(count.remarks, [/one: failed outside of its assertions/])
})

t.test('a file in which nothing ran is a failure', async (t) => {
  const count = tally(report('# Subtest: empty', '    1..0 # no tests found', 'ok 1 - empty # SKIP no tests found'))
  t.match(count, { passed: 0, failed: 1, skipped: [] })
})

t.test('skipped and to-do assertions are neither passed nor failed, and their reasons are kept', async (t) => {
  const lines = ['ok 1 - a # SKIP no python', 'not ok 2 - b # TODO later', 'ok 3 - c # SKIP', '1..3']
  const count = tally(report(file('one', true, ...lines)))
  t.match(count, { passed: 0, failed: 0 })
  t.strictSame(count.skipped, ['no python', 'later', 'no reason given'])
})

t.test('a report that is cut short or empty is a failure', async (t) => {
  t.equal(tally('').failed, 1)
  t.ok(tally('TAP version 14\n# Subtest: one\n    ok 1 - a\n').failed > 0)
  t.ok(tally('TAP version 14\nok 1 - a\n1..2\n').failed > 0)
})
