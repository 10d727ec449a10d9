/** A group in two network namespaces: an interface goes down and comes up, is removed and made again; the group is joined again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import t from 'tap'
import { loader, modulePath } from '../child-process.js'
import type { Scope } from '../support/scope.js'
import { type Namespace, twoNamespaces, whyNoNamespaces } from './netns.js'

interface Line {
  readonly message?: number
  readonly state?: string
  readonly code?: string
  readonly endpoint?: string
}

/** A process in a namespace, and what it says. */
class Side {
  readonly #lines: Line[] = []
  #waiting: (() => void) | undefined

  constructor(scope: Scope, namespace: Namespace, ...args: readonly string[]) {
    const script = modulePath('test/socket-datagram/multicast-process.ts')
    const [program, all] = namespace.command(...loader, script, ...args)
    // tap sets NODE_OPTIONS inside of `spawn`, whatever `env` says
    const child: ChildProcess = spawn('env', ['-u', 'NODE_OPTIONS', program, ...all], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    scope.teardown(async () => {
      child.stdin?.end()
      if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve))
    })
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.#lines.push(JSON.parse(line))
      this.#waiting?.()
    })
  }

  /** Resolves when it says something that fits, behind what was waited for before. */
  async says(fits: (line: Line) => boolean): Promise<void> {
    for (;;) {
      const at = this.#lines.findIndex(fits)
      if (at >= 0) {
        this.#lines.splice(0, at + 1)
        return
      }
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
  }

  /** Forgets what was said. */
  forget(): void {
    this.#lines.length = 0
  }
}

/** What one look at the interfaces, the system and two slow processes may take together, in milliseconds; the aim is 2000. */
const mostMs = 20_000

const groups = ['udp://239.9.8.7:5007', 'udp://[ff15::9:8:7]:5007']
const isMessage = ({ message }: Line): boolean => message !== undefined
const hasGone = ({ code }: Line): boolean => code === 'RIVULET_NOT_JOINED'

t.test('an interface goes and comes back', { skip: whyNoNamespaces() ?? false }, async (t) => {
  const [here, there] = twoNamespaces(t)
  const receivers = groups.map((group) => ({ group, side: new Side(t, there, 'receiver', group) }))
  for (const group of groups) new Side(t, here, 'sender', group)
  for (const { side } of receivers) await side.says(isMessage)

  const comeBack = async (what: string, action: () => void): Promise<void> => {
    for (const { side } of receivers) await side.says(hasGone)
    for (const { side } of receivers) side.forget()
    const began = performance.now()
    action()
    await Promise.all(
      receivers.map(async ({ group, side }) => {
        await side.says(({ state, endpoint }) => state === 'connected' && endpoint === group)
        await side.says(isMessage)
        const ms = performance.now() - began
        t.ok(ms < mostMs, `${what}, ${group}: ${ms.toFixed(0)} ms`)
      }),
    )
  }
  there.down()
  await comeBack('up again', () => there.up())
  there.remove()
  await comeBack('made again', () => {
    here.join(there)
    here.up()
    there.up()
  })
})
