/** Codes of other versions keep their names. */
import t from 'tap'
import { errorCodes, receivedFailure } from '../../src/errors/index.js'

const isKnown = (code: string): boolean => Object.hasOwn(errorCodes, code)

t.test('a code of this version stays as it is', async (t) => {
  t.strictSame(receivedFailure('RIVULET_INTERNAL', 'broken', isKnown), { code: 'RIVULET_INTERNAL', message: 'broken' })
  t.match(receivedFailure('RIVULET_PERMISSION_DENIED', 'no', isKnown), { code: 'RIVULET_PERMISSION_DENIED' })
})

t.test('another one is told apart, and stands in the message', async (t) => {
  for (const code of ['RIVULET_OF_TOMORROW', '__proto__', 'constructor', '']) {
    t.strictSame(receivedFailure(code, 'why', isKnown), { code: 'RIVULET_UNKNOWN_ERROR', message: `${code}: why` })
  }
  t.equal(receivedFailure('x'.repeat(5000), 'why', isKnown).message.length, 64 + 5, 'a long one is cut')
})
