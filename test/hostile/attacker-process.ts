/** The program of an `Attacker`: makes the attacks that it is told, one after the other. */
import { setPriority } from 'node:os'
import { OwnScope } from '../support/scope.js'
import { seeded } from '../support/seeded.js'
import type { Attack } from './attack.js'
import { attacks } from './attacks/index.js'
import { Bridge } from './bridge.js'
import type { AttackNews, AttackOrder, Deeds, Target } from './orders.js'

/** Honest peers compete with an attacker for the victim, not for the processors of this machine. */
const priority = 10

const say = (news: AttackNews) => process.send?.(news)

async function attackOne(attack: Attack, target: Target, order: AttackOrder): Promise<Deeds> {
  // only peers with a key get in, and the attack knows of none
  const isBridged = target.serverKey !== undefined && attack.secured === undefined
  const bridge = isBridged ? await Bridge.open(target) : undefined
  const total = { connections: 0, refused: 0, messages: 0 }
  const end = performance.now() + order.lastingMs
  let round = 0
  do {
    const scope = new OwnScope()
    await attack.run({
      target: bridge === undefined ? target : { ...target, endpoint: bridge.endpoint, recorded: bridge.endpoint },
      scope,
      scale: order.scale,
      random: seeded(order.seed + 1000 * target.part + round),
      did(deeds) {
        for (const key of ['connections', 'refused', 'messages'] as const) total[key] += deeds[key] ?? 0
      },
    })
    await scope.end()
    round += 1
  } while (performance.now() < end)
  await bridge?.close()
  return total
}

async function obey(order: AttackOrder): Promise<void> {
  const attack = attacks.find(({ name }) => name === order.attack)
  if (!attack) throw new Error(`there is no attack ${order.attack}`)
  say({ done: await Promise.all(order.targets.map((target) => attackOne(attack, target, order))) })
}

setPriority(priority)
process.on('disconnect', () => process.exit())
process.on('message', (order: AttackOrder) => {
  obey(order).catch((error: Error) => say({ failed: error.stack ?? String(error) }))
})
say({ ready: true })
