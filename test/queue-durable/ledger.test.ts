/** The account of the kill tests: it finds what a queue must not do, in whatever order the lines come. */
import t from 'tap'
import { Ledger } from './ledger.js'

/** The faults of an account after some lines and an end with these dead letters. */
function faultsOf(lines: readonly string[], dead: readonly { id: number; causes: readonly string[] }[] = []): string[] {
  const ledger = new Ledger(5)
  for (const line of lines) ledger.read(line)
  ledger.checkEnd(
    dead.map(({ id, causes }) => ({ id, attempts: causes.length, history: causes.map((cause) => ({ cause })) })),
  )
  return ledger.faults
}

const nacks = Array.from({ length: 5 }, () => 'nack')

t.test('nothing is wrong', async (t) => {
  t.strictSame(faultsOf(['c 1', 'd 1 1 4 1 a', 'o a 1:4']), [])
  t.strictSame(faultsOf(['c 1', 'd 1 1 4 1 a', 'x 1 4 a RIVULET_UNKNOWN_OUTCOME']), [], 'an ack that may count')
  t.strictSame(faultsOf(['c 1', 'd 1 2 5 1 a', 'o a 1:5', 'd 1 1 4 1 -']), [], 'an earlier delivery, told late')
  t.strictSame(
    faultsOf(
      ['c 7', 'c 11'],
      [
        { id: 7, causes: nacks },
        { id: 11, causes: ['reject'] },
      ],
    ),
    [],
  )
})

t.test('what must not be is found', async (t) => {
  t.match(faultsOf(['c 1']), ['1 was confirmed, and neither acknowledged nor a dead letter'])
  t.match(faultsOf(['c 1', 'd 1 1 4 1 -']), ['1 was confirmed, and neither acknowledged nor a dead letter'])
  const late = ['1 came under lease 5, and was acknowledged under 4']
  t.match(faultsOf(['c 1', 'd 1 1 4 1 a', 'o a 1:4', 'd 1 2 5 1 -']), late)
  t.match(faultsOf(['c 1', 'd 1 2 5 1 -', 'd 1 1 4 1 a', 'o a 1:4']), late)
  t.match(faultsOf(['d 1 1 4 1 -', 'd 1 1 5 2 a', 'o a 1:5']), ['1 is in the queue twice: at 1 and 2'])
  t.match(faultsOf(['d 1 1 4 1 -', 'd 1 1 4 1 a', 'o a 1:4']), ['1 came twice under lease 4'])
  t.match(faultsOf(['d 1 2 4 1 -', 'd 1 1 5 1 a', 'o a 1:5']), ['1 came for attempt 1 under 5, after 2'])
  t.match(faultsOf(['d 1 6 4 1 a', 'o a 1:4']), ['1 came for attempt 6'])
  t.match(faultsOf(['c 7', 'd 7 1 4 1 n', 'o n 7:4']), [/7 was confirmed/, '7 is no dead letter'])
  t.match(faultsOf(['c 1'], [{ id: 1, causes: ['lease-lost'] }]), [/1 is a dead letter after lease-lost/])
  t.match(faultsOf(['c 1'], [{ id: 1, causes: nacks }]), [/1 is a dead letter after nack/])
  t.match(
    faultsOf(['d 1 1 4 1 a', 'o a 1:4'], [{ id: 1, causes: nacks }])[0],
    /1 was acknowledged and is a dead letter/,
  )
})

t.test('a folder that does not hold what it should', async (t) => {
  const found = (id: number) => ({ id, attempts: 0, history: [] })
  const ledger = new Ledger(5)
  for (const line of ['c 1 2 3', 'd 2 1 4 2 a', 'd 3 1 5 3 a', 'o a 3:5']) ledger.read(line)
  ledger.checkRest('here', [found(1), found(2)], [])
  ledger.checkRest('here', [found(1)], [])
  t.strictSame(ledger.faults, [])
  ledger.checkRest('here', [found(3), found(3)], [])
  t.strictSame(ledger.faults, [
    'here: 3 is there twice',
    'here: 1 was confirmed and is gone',
    'here: 3 was acknowledged and is there',
  ])
})
