/** The host of the directory, at the one address that every process knows. It keeps nothing on disk. */
import { createDirectoryHost } from 'rivulet/directory'
import { ending, keyring, leave, printErrors, ready } from './child.js'
import { directoryEndpoint } from './settings.js'

const host = await createDirectoryHost({
  bind: directoryEndpoint,
  security: {
    keyPair: keyring.keyPair,
    allow: keyring.allow('queue', 'service', 'worker-1', 'worker-2', 'web'),
    // everybody may read; these may announce
    policy: [
      { identity: 'queue', action: 'announce', target: 'queue' },
      { identity: 'service', action: 'announce', target: 'orders' },
      { identity: 'service', action: 'announce', target: 'topics' },
      { identity: 'worker-1', action: 'announce', target: 'topics' },
      { identity: 'worker-2', action: 'announce', target: 'topics' },
    ],
  },
})
printErrors(host)
ready(host.endpoint)
await ending
await host.close({ timeoutMs: 1000 }) // a client that was killed just now says no goodbye
leave()
