/** Every attack of the suite on a victim without security. */
import t from 'tap'
import { besiege } from './besiege.js'

t.test('without security', (t) => besiege(t))
