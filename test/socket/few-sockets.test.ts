/** The most sockets of a runtime, and of a process: what has none left is refused, and everything else stays as it was. */
import t from 'tap'
import { complaint, loader, modulePath, run } from '../child-process.js'

const program = [process.execPath, ...loader, modulePath('test/socket/few-sockets-process.ts')]
const options = { cwd: process.cwd(), timeoutMs: 30_000 }

t.test('a resource without a socket is refused at once, and the others continue', async (t) => {
  const limits = [12, 13, 14, 15, 16, 17, 18, 19, 20]
  const ended = await run('env', [...program, ...limits.map(String)], options)
  t.equal(complaint(ended), undefined)
  const lines = ended.stdout.trimEnd().split('\n')
  t.equal(lines.length, limits.length)
  for (const line of lines) t.match(line, /^\d+ [1-9] RIVULET_TOO_MANY_SOCKETS$/)
})

t.test('the same with few files of the process', async (t) => {
  for (const descriptors of [128, 129, 130]) {
    const ended = await run('sh', ['-c', `ulimit -n ${descriptors} && exec "$@"`, 'sh', ...program], options)
    t.equal(complaint(ended), undefined)
    t.match(ended.stdout, /^[1-9]\d* RIVULET_TOO_MANY_SOCKETS\n$/, `${descriptors} descriptors`)
  }
})
