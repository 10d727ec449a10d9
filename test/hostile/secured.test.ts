/** The attacks that a victim with security knows: by peers whose key is not admitted, and by one whose key is. */
import t from 'tap'
import { besiege } from './besiege.js'
import { siegeKeys } from './siege.js'

t.test('with security', (t) => besiege(t, siegeKeys()))
