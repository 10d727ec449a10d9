/** The attacks of peers whose key is not admitted, on a victim with security. */
import t from 'tap'
import { generateKeyPair } from '../../src/security/index.js'
import { besiege } from './besiege.js'

t.test('with security', (t) => besiege(t, { victim: generateKeyPair(), honest: generateKeyPair() }))
