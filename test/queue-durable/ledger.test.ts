/** The account of the kill tests: it finds what a queue must not do, in whatever order the lines come. */
import t from 'tap'
import { Ledger } from './ledger.js'
import { mayExpire, optionsOf } from './load.js'

/** The faults of an account after some lines and an end with these dead letters. */
function faultsOf(lines: readonly string[], dead: readonly { id: number; causes: readonly string[] }[] = []): string[] {
  const ledger = new Ledger(5)
  for (const line of lines) ledger.read(line)
  ledger.checkEnd(
    dead.map(({ id, causes }) => {
      return {
        id,
        position: 1,
        origin: { position: id },
        attempts: causes.length,
        history: causes.map((cause) => ({ cause })),
      }
    }),
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
  const found = (id: number) => ({ id, position: id, attempts: 0, history: [] })
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

t.test('ids, times to live, and what a producer was told', async (t) => {
  const numbers = Array.from({ length: 5000 }, (_, number) => number)
  const plain = numbers.find((number) => number > 20 && optionsOf(number) === undefined) ?? 0
  const [one = 0, two = 0] = numbers.filter((number) => optionsOf(number)?.id === 's5')
  const brief = numbers.find(mayExpire) ?? 0
  t.strictSame(faultsOf([`c ${one} ${two}:=`, `d ${one} 1 4 1 a`]), [], 'a duplicate')
  t.strictSame(faultsOf([`c ${one} ${two}`, `d ${two} 1 4 1 a`]), [], 'a duplicate that was told to an earlier try')
  t.match(faultsOf([`c ${one} ${two}:=`]), [/was confirmed, and neither/, /was confirmed, and neither/])
  t.match(faultsOf([`c ${one}:=`]), [`${one} was confirmed, and neither acknowledged`])
  t.match(faultsOf([`d ${one} 1 4 1 a`, `d ${two} 1 5 2 a`]), [
    `${one} and ${two} are in the queue, both with the id s5`,
  ])
  t.match(faultsOf([`c ${one}:=`, `d ${one} 1 4 1 a`]), [`${one} was confirmed as a duplicate, and is at 1`])
  t.match(faultsOf([`d ${one} 1 4 1 a`, `f ${one} RIVULET_TIMEOUT no`]), [/refused with RIVULET_TIMEOUT, and is at 1/])
  t.strictSame(faultsOf([`d ${one} 1 4 1 a`, `f ${one} RIVULET_UNKNOWN_OUTCOME maybe`]), [])
  t.match(faultsOf([`c ${plain}:3`, `d ${plain} 1 4 2 a`]), [`${plain} was confirmed at 3, and is at 2`])
  t.match(faultsOf([`w ${plain} delivered with an id`]), [`${plain} delivered with an id`])
  t.match(faultsOf([`f ${plain} RIVULET_INVALID_REQUEST no`]), [`${plain} was refused with RIVULET_INVALID_REQUEST`])
  t.strictSame(faultsOf([`c ${brief}`]), [], 'it may have expired')
})
