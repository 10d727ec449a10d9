/** Connections that are opened and closed leave no descriptor and no resource, some hundred here; `npm run soak -- connections` makes 10,000. */
import { existsSync } from 'node:fs'
import t from 'tap'
import { total, until } from '../support/events.js'
import { place } from '../support/transports.js'
import { descriptors, openAndClose, streamKinds } from './many-connections.js'

const count = 72

t.test('no descriptor stays open', { skip: existsSync('/proc/self/fd') ? false : 'no /proc/self/fd' }, async (t) => {
  const { runtime } = place(t, 'tcp')
  for (const kind of streamKinds) {
    await (await openAndClose(runtime, kind, 4)).close() // what is opened once is open then
    const [before, resources] = [descriptors(), runtime.size]
    const listener = await openAndClose(runtime, kind, count)
    const { accepted, refused } = listener.stats()
    t.equal(accepted + total(refused), count, kind)
    // with TLS 1.3 a client may have left before the listener has agreed
    if (kind !== 'tls') t.strictSame(refused, {})
    t.ok(accepted >= count / 2)
    await listener.close()
    t.equal(runtime.size, resources)
    await until(() => descriptors() <= before) // the system closes them a turn later
  }
})
