/** Endpoints as text: what binds and connects, what is refused, and what only this machine can reach. */
import { hostname } from 'node:os'
import t from 'tap'
import { createPush } from '../../patterns/queue/index.js'
import { parseEndpoint, reaches } from '../../src/net/endpoint.js'
import { Job } from '../support/job.js'

const bindable: [string, string, boolean][] = [
  ['tcp://127.0.0.1:5000', 'tcp://127.0.0.1:5000', true],
  ['tcp://127.0.0.1:*', 'tcp://127.0.0.1:*', true],
  ['tcp://127.0.0.1:0', 'tcp://127.0.0.1:*', true],
  ['tcp://127.255.3.4:1', 'tcp://127.255.3.4:1', true],
  ['tcp://localhost:5000', 'tcp://127.0.0.1:5000', true],
  ['tcp://[::1]:65535', 'tcp://[::1]:65535', true],
  ['ipc:///tmp/a b.sock', 'ipc:///tmp/a b.sock', true],
  ['ipc://*', 'ipc://*', true],
  ['ipc://@abstract', 'ipc://@abstract', true],
  ['inproc://a/b:c', 'inproc://a/b:c', true],
  ['tcp://0.0.0.0:5000', 'tcp://0.0.0.0:5000', false],
  ['tcp://*:5000', 'tcp://*:5000', false],
  ['tcp://[::]:5000', 'tcp://[::]:5000', false],
  ['tcp://192.168.1.4:5000', 'tcp://192.168.1.4:5000', false],
  ['tcp://eth0:5000', 'tcp://eth0:5000', false],
  ['tcp://lo:5000', 'tcp://lo:5000', false],
  ['tcp://example.com:5000', 'tcp://example.com:5000', false],
  ['tcp://127.evil.example:5000', 'tcp://127.evil.example:5000', false],
  ['tcp://127.1:5000', 'tcp://127.1:5000', false],
  ['tcp://[::ffff:127.0.0.1]:5000', 'tcp://[::ffff:127.0.0.1]:5000', false],
  ['tcp://localhost.:5000', 'tcp://localhost.:5000', false],
  ['tcp://LOCALHOST:5000', 'tcp://LOCALHOST:5000', false],
]

t.test('what binds, and whether only this machine can reach it', async (t) => {
  for (const [text, address, local] of bindable) {
    const endpoint = parseEndpoint(text, 'bind')
    t.match(endpoint, { address, local, transport: text.split(':')[0] }, text)
    t.equal(endpoint.ipv6, text.includes('['), text)
  }
})

t.test('what connects', async (t) => {
  for (const text of [
    'tcp://localhost:5000',
    'tcp://db.example:1',
    'tcp://[fe80::1%eth0]:5000',
    'ipc://x',
    'inproc://x',
  ]) {
    t.equal(parseEndpoint(text, 'connect').address, text)
  }
})

t.test('what neither binds nor connects', async (t) => {
  const wrong = [
    '',
    'tcp',
    'tcp:',
    'tcp://',
    'tcp:127.0.0.1:5000',
    'TCP://127.0.0.1:5000',
    ' tcp://127.0.0.1:5000',
    'tcp://127.0.0.1:5000 ',
    'tcp://127.0.0.1:5000\n',
    'tcp://127.0.0.1',
    'tcp://127.0.0.1:',
    'tcp://127.0.0.1:-1',
    'tcp://127.0.0.1:65536',
    'tcp://127.0.0.1:99999999999',
    'tcp://127.0.0.1:5000/path',
    'tcp://127.0.0.1:http',
    'tcp://a b:5000',
    'tcp://:5000',
    'tcp://::1:5000',
    'tcp://[127.0.0.1]:5000',
    'tcp://[::1:5000',
    'tcp://[]:5000',
    'tcp://user@[::1]:5000',
    'tcp://10.0.0.1:0;127.0.0.1:5000',
    'tcp://127.0.0.1:5000\0',
    'ipc://',
    'ipc:///a\0b',
    `ipc:///${'x'.repeat(103)}`,
    `ipc:///${'ü'.repeat(52)}`,
    `inproc://${'x'.repeat(256)}`,
    'udp://127.0.0.1:5000',
    'ws://127.0.0.1:5000',
    'pgm://eth0;239.192.1.1:5555',
    'vmci://1:2',
    'http://127.0.0.1',
  ]
  for (const text of wrong) {
    for (const side of ['bind', 'connect'] as const) {
      t.throws(() => parseEndpoint(text, side), { code: 'RIVULET_INVALID_ENDPOINT' }, `${side} ${JSON.stringify(text)}`)
    }
  }
})

t.test('wildcards only bind', async (t) => {
  for (const text of ['tcp://*:5000', 'tcp://127.0.0.1:*', 'tcp://127.0.0.1:0', 'ipc://*']) {
    t.throws(() => parseEndpoint(text, 'connect'), { code: 'RIVULET_INVALID_ENDPOINT' }, text)
  }
})

t.test('the limits themselves are allowed', async (t) => {
  t.ok(parseEndpoint(`ipc:///${'x'.repeat(102)}`, 'bind'))
  t.ok(parseEndpoint(`inproc://${'x'.repeat(255)}`, 'bind'))
})

t.test('a message shows what was given, in short', async (t) => {
  t.throws(() => parseEndpoint('tcp://127.0.0.1', 'bind'), {
    message: "cannot bind 'tcp://127.0.0.1' (string): it is not tcp://host:port",
  })
  t.throws(() => parseEndpoint(`x${'y'.repeat(500)}`, 'bind'), /a string of 501 characters/)
})

t.test('a resource refuses to bind beyond this machine, unless it is told to', async (t) => {
  for (const [bind, , local] of bindable) {
    if (local || bind.includes('5000') === false) continue
    await t.rejects(createPush({ schema: Job, bind }), { code: 'RIVULET_INSECURE_BIND' }, bind)
    await t.rejects(createPush({ schema: Job, bind: ['inproc://fine', bind] }), { code: 'RIVULET_INSECURE_BIND' }, bind)
  }
  const push = await createPush({ schema: Job, bind: 'tcp://0.0.0.0:*', insecure: true })
  t.match(push.endpoint, /^tcp:\/\/0\.0\.0\.0:\d+$/)
  await push.close()
})

t.test('which endpoint of this process a connection reaches', async (t) => {
  const bound = (endpoint: string) => (connected: string) => reaches(connected, endpoint)
  for (const endpoint of ['tcp://127.0.0.1:5000', 'tcp://localhost:5000', `tcp://${hostname()}:5000`]) {
    t.ok(bound('tcp://127.0.0.1:5000')(endpoint), endpoint)
    t.ok(bound('tcp://0.0.0.0:5000')(endpoint), `${endpoint} at a wildcard`)
    t.ok(bound('tcp://[::]:5000')(endpoint), `${endpoint} at a wildcard of both versions`)
    t.notOk(bound('tcp://127.0.0.1:5001')(endpoint), 'another port')
    t.notOk(bound('ipc:///run/5000')(endpoint), 'another transport')
  }
  t.notOk(bound('tcp://0.0.0.0:5000')('tcp://node-2.example:5000'), 'another machine')
  t.notOk(bound('tcp://127.0.0.1:5000')('tcp://192.0.2.7:5000'))
  t.ok(bound('ipc:///run/a')('ipc:///run/a'))
  t.notOk(bound('inproc://a')('inproc://b'))
})
