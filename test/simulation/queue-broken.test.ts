/** Engines of the durable queue that are broken on purpose are found out. */
import { findsEach } from './queue-broken.js'
import { brokenEngines } from './queue-broken-engines.js'

findsEach(brokenEngines, 'an engine')
