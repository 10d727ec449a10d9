/** A secured socket whose handler is away admits nobody; and a handler is bound for as long as one is secured. */
import t from 'tap'
import { createRuntime } from '../../src/runtime/index.js'
import { generateKeyPair, type KeyPair, resolveSecurity, SecurityGuard } from '../../src/security/index.js'
import { admissionOf } from '../../src/socket/admission.js'
import { bindWithCurve, connectWithCurve } from '../../src/socket/curve.js'
import { bindAuthenticator, createNative, observe } from '../../src/socket/native.js'
import { place } from '../support/transports.js'

const server = generateKeyPair()
const client = generateKeyPair()
const domain = 'rivulet.secured.test'

const settings = {
  sendHighWaterMark: 10,
  receiveHighWaterMark: 10,
  maxFrameBytes: 1000,
  socketBufferBytes: undefined,
  ipv6: false,
}

/** How the first handshake with a secured native socket ends, as its monitor says. */
async function firstHandshake(runtime: ReturnType<typeof createRuntime>, keyPair: KeyPair): Promise<string> {
  const pull = createNative(runtime, { ...settings, kind: 'pull', isBound: true, securedDomain: domain })
  const monitor = observe(pull)
  bindWithCurve(pull, server)
  await pull.bind('tcp://127.0.0.1:*')
  const push = createNative(runtime, { ...settings, kind: 'push' })
  connectWithCurve(push, keyPair, server.publicKey)
  push.connect(pull.lastEndpoint as string)
  try {
    for (;;) {
      const event = await monitor.receive()
      if (event?.type.startsWith('handshake')) return event.type
    }
  } finally {
    push.close()
    pull.close()
  }
}

function guard(runtime: ReturnType<typeof createRuntime>): SecurityGuard {
  const security = resolveSecurity(
    'test',
    { keyPair: server, allow: [client.publicKey] },
    { binds: true, connects: false },
  )
  const ports = { clock: runtime.clock, resource: () => 'test', report: t.error }
  return new SecurityGuard(security as NonNullable<typeof security>, ports)
}

t.test('without a handler every key is refused', async (t) => {
  const { runtime } = place(t, 'tcp')
  t.equal(await firstHandshake(runtime, client), 'handshake:error:other')
})

t.test('with one, for its domain alone, the keys of the guard are admitted', async (t) => {
  const { runtime } = place(t, 'tcp')
  const admission = admissionOf(runtime)
  const other = admission.secure('rivulet.secured.other', guard(runtime))
  t.equal(await firstHandshake(runtime, client), 'handshake:error:auth', 'another domain')
  const secured = admission.secure(domain, guard(runtime))
  t.equal(await firstHandshake(runtime, client), 'handshake')
  t.equal(await firstHandshake(runtime, generateKeyPair()), 'handshake:error:auth')
  secured.close()
  t.equal(await firstHandshake(runtime, client), 'handshake:error:auth', 'its domain is closed')
  other.close()
})

t.test('a handler that somebody else has bound: nothing is secured, and nobody admitted', async (t) => {
  const { runtime } = place(t, 'tcp')
  const foreign = bindAuthenticator(runtime)
  t.throws(() => admissionOf(runtime).secure(domain, guard(runtime)), { code: 'RIVULET_ADMISSION_UNAVAILABLE' })
  foreign.close()
})

t.test('the handler of a closed runtime leaves its name to the next one with the same context, at once', async (t) => {
  for (let round = 0; round < 20; round++) {
    const runtime = createRuntime({ maxSockets: 99 })
    admissionOf(runtime).secure(domain, guard(runtime))
    t.equal(await firstHandshake(runtime, client), 'handshake')
    await runtime.close({ drain: false })
  }
})
