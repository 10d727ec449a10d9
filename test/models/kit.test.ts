/** The kit of the models finds planted faults of every kind, and shortens each to the calls that matter. */
import t from 'tap'
import { type Fault, faults } from './planted-model.js'
import { runPool } from './worker-pool.js'

/** What a failure says, and the calls that are left of it. */
const findings: Record<Exclude<Fault, 'nothing'>, { readonly says: RegExp; readonly calls: readonly string[] }> = {
  'throws outside': { says: /uncaughtException: Error: thrown outside/, calls: ['fault'] },
  'rejects outside': { says: /unhandledRejection: Error: rejected outside/, calls: ['fault'] },
  'never settles': { says: /never: calls that settle: stuck/, calls: ['fault'] },
  'never completes': { says: /never: calls that settle: endless/, calls: ['fault'] },
  'wrong error': { says: /late rejected with RIVULET_TIMEOUT/, calls: ['fault'] },
  'foreign error': { says: /foreign: TypeError: not ours/, calls: ['fault'] },
  'two outcomes': { says: /twice: two outcomes/, calls: ['fault'] },
  'loses a message': { says: /2 were sent, 1 are there/, calls: ['send', 'send'] },
  miscounts: { says: /4 are counted, 3 are there/, calls: ['send', 'send', 'send'] },
  'stays open': { says: /closed, but open/, calls: [] },
  'never closes': { says: /never: calls that settle: close/, calls: [] },
  'ends the process': { says: /the process ended by code 3/, calls: [] },
  'blocks the end': { says: /never: fault/, calls: ['fault'] },
}

/** Sequences of each: few, since every one that waits in vain takes its time. */
const count = 12
/** And how patient the kit is with them. */
const mostTicks = 100

for (const fault of faults) {
  t.test(`a toy that ${fault === 'nothing' ? 'is well passes' : `${fault} is found`}`, async (t) => {
    const options = { model: `planted:${fault}`, from: 1, count, workers: 1, transport: 'inproc', mostTicks } as const
    const { sequences, failed } = await runPool({ ...options, mostFailures: 1 })
    if (fault === 'nothing') {
      t.same({ sequences, failed }, { sequences: count, failed: [] })
      return
    }
    const { says, calls } = findings[fault]
    const [first] = failed
    t.match(first?.text, says)
    if (fault === 'ends the process') return
    const lines = first?.text.slice(first.text.indexOf('    open ')).split('\n') ?? []
    const shortened = lines.map((line) => line.match(/^ {4}(\w+)/)?.[1])
    t.same(shortened, ['open', ...calls])
  })
}
