/**
 * Security: a vault that talks encrypted with clients whose keys it knows, holds them to a policy, and loses one that it revokes.
 *
 * All sides are in one process here; they need not be. Run it with `npx tsx examples/security.ts`.
 */
import { defineService, isRivuletError } from 'rivulet/avro'
import { createRpcClient, createRpcServer, implement } from 'rivulet/rpc'
import { type AllowList, generateKeyPair, keyFingerprint, type Policy } from 'rivulet/security'
import { BehaviorSubject, filter, firstValueFrom } from 'rxjs'

const Vault = defineService({
  protocol: 'Vault',
  namespace: 'example',
  messages: {
    read: { request: [], response: 'string' },
    open: { request: [], response: 'string' },
    watch: { request: [], response: 'int', 'x-stream': 'server' },
  },
})

// each side keeps its pair in a file (`saveKeyPair`), and gives its public key to the other
const [own, alice, bob] = [generateKeyPair(), generateKeyPair(), generateKeyPair()]
console.log(`the fingerprint of alice's key has ${keyFingerprint(alice.publicKey).length} characters`)

const allowed = new BehaviorSubject<AllowList>({ alice: alice.publicKey, bob: bob.publicKey })
const policy: Policy = [
  { identity: '*', action: 'call', target: 'example.Vault.read' },
  { identity: 'alice', action: 'call', target: 'example.Vault.#' },
]

await using server = await createRpcServer({
  bind: 'tcp://127.0.0.1:*',
  services: [
    implement(Vault, {
      read: (_request, { peer }) => `a label, for ${peer.identity?.name}`,
      open: (_request, { peer }) => `open, for ${peer.identity?.name}`,
      async *watch(_request, { signal }) {
        for (let count = 0; !signal.aborted; count++) {
          yield count
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
        }
      },
    }),
  ],
  security: { keyPair: own, allow: allowed, policy },
})
server.securityEvents
  .pipe(filter(({ kind }) => kind === 'denied' || kind === 'revoked'))
  .subscribe(({ kind, identity, target = 'its links' }) =>
    console.log(`the vault: ${identity?.name} ${kind}, ${target}`),
  )

const connect = server.endpoint
const serverKey = own.publicKey
await using alices = await createRpcClient(Vault, { connect, security: { keyPair: alice, serverKey } })
await using bobs = await createRpcClient(Vault, { connect, security: { keyPair: bob, serverKey } })

// refused connections and revoked keys are errors, too; without a subscriber each kind is a process warning
for (const { errors } of [server, alices]) errors.subscribe()

/** Prints the response of a call, or why there is none. */
async function print(who: string, call: Promise<string>): Promise<void> {
  const outcome = await call.catch((error: unknown) => (isRivuletError(error) ? error.code : String(error)))
  console.log(`${who}: ${outcome}`)
}

await print('alice reads', firstValueFrom(alices.read({})))
await print('alice opens', firstValueFrom(alices.open({})))
await print('bob reads', firstValueFrom(bobs.read({})))
await print('bob opens', firstValueFrom(bobs.open({})))

// an unknown key is refused before a byte of a message is read
await using unknown = await createRpcClient(Vault, { connect, security: { keyPair: generateKeyPair(), serverKey } })
console.log(`an unknown key: ${(await firstValueFrom(unknown.errors)).code}`)

// a key that leaves the list loses its links, in the middle of a stream, too
const watching = new Promise<unknown>((ended) => {
  alices.watch({}).subscribe({
    next: () => allowed.next({ bob: bob.publicKey }),
    error: ended,
  })
})
const ended = await watching
console.log(`alice's stream: ${isRivuletError(ended) ? ended.code : ended}`)
await print('bob reads', firstValueFrom(bobs.read({})))
