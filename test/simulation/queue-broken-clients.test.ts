/** Producers, consumers and hosts that are broken on purpose are found out. */
import { findsEach } from './queue-broken.js'
import { brokenClients } from './queue-broken-clients.js'

findsEach(brokenClients, 'a part')
