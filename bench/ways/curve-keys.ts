/**
 * The keys of the ways with CURVE: the parent makes them once, and its processes find them in their environment.
 */
import { generateKeyPair, type KeyPair, type SecurityOptions } from 'rivulet/security'

const variable = 'RIVULET_BENCH_KEYS'

interface Keys {
  readonly server: KeyPair
  readonly client: KeyPair
}

/** Makes the keys for the processes that are started from now on. */
export function makeKeys(): void {
  process.env[variable] = JSON.stringify({ server: generateKeyPair(), client: generateKeyPair() } satisfies Keys)
}

function keys(): Keys {
  return JSON.parse(process.env[variable] as string) as Keys
}

/** How the two sides of Rivulet are secured. */
export function rivuletSecurity(): { readonly bound: SecurityOptions; readonly connecting: SecurityOptions } {
  const { server, client } = keys()
  return {
    bound: { keyPair: server, allow: { client: client.publicKey } },
    connecting: { keyPair: client, serverKey: server.publicKey },
  }
}

/** The same for sockets of zeromq.js, which admit every key. */
export function rawSecurity(): { readonly bound: object; readonly connecting: object } {
  const { server, client } = keys()
  return {
    bound: { curveServer: true, curveSecretKey: server.secretKey },
    connecting: {
      curveServerKey: server.publicKey,
      curvePublicKey: client.publicKey,
      curveSecretKey: client.secretKey,
    },
  }
}
