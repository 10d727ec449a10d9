/** A group in two network namespaces: an interface goes down and comes up, is removed and made again; the group is joined again. */
import t from 'tap'
import { NamespaceSide } from './namespace-side.js'
import { twoNamespaces, whyNoNamespaces } from './netns.js'

interface Line {
  readonly message?: number
  readonly state?: string
  readonly code?: string
  readonly endpoint?: string
}

/** What one look at the interfaces, the system and two slow processes may take together, in milliseconds; the aim is 2000. */
const mostMs = 20_000

const groups = ['udp://239.9.8.7:5007', 'udp://[ff15::9:8:7]:5007']
const program = 'multicast-process.ts'
const isMessage = ({ message }: Line): boolean => message !== undefined
const hasGone = ({ code }: Line): boolean => code === 'RIVULET_NOT_JOINED'

t.test('an interface goes and comes back', { skip: whyNoNamespaces() ?? false }, async (t) => {
  const [here, there] = twoNamespaces(t)
  const receivers = groups.map((group) => ({
    group,
    side: new NamespaceSide<Line>(t, there, program, 'receiver', group),
  }))
  for (const group of groups) new NamespaceSide<Line>(t, here, program, 'sender', group)
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
