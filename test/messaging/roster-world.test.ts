/** Rosters that claim names from each other, in any order, come to one view: rules 2, 8 and 10. */
import t from 'tap'
import { Contender } from '../../patterns/messaging/contender.js'
import { RemoteLinks } from '../../patterns/messaging/remote-links.js'
import type { RosterPorts } from '../../patterns/messaging/roster-contract.js'
import { replace } from '../simulation/broken-machines.js'
import { makeRoster, RosterWorld } from './roster-world.js'

function firstBroken(seeds: number, from = 1, make = makeRoster): string | undefined {
  for (let seed = from; seed < from + seeds; seed++) {
    const broken = new RosterWorld(seed, make).play()
    if (broken !== undefined) return `seed ${seed}: ${broken}`
  }
  return undefined
}

t.test('rules 2, 8 and 10: one holder of a name in every view, whatever happens', async (t) => {
  t.equal(firstBroken(1000), undefined)
})

t.test('fresh seeds', async (t) => {
  const from = 1001 + Math.floor(Math.random() * 2 ** 30)
  t.equal(firstBroken(300, from), undefined)
})

t.test('holders do meet', async (t) => {
  let conflicts = 0
  for (let seed = 1; seed <= 100; seed++) {
    const world = new RosterWorld(seed)
    world.play()
    conflicts += world.conflicts
  }
  t.ok(conflicts > 100, `${conflicts} conflicts`)
})

/** Rosters that are broken on purpose: what a node is told, or how a machine decides. */
const broken: Readonly<
  Record<string, { ports?: (ports: RosterPorts) => Partial<RosterPorts>; part?: () => () => void }>
> = {
  'a name that is held twice, since the first one keeps it in each view': {
    part: () => replace(Contender.prototype, 'displaces', () => () => false),
  },
  'a random winner': {
    part: () => replace(Contender.prototype, 'displaces', () => () => Math.random() < 0.5),
  },
  'left while suspected': {
    part: () =>
      replace(RemoteLinks.prototype, 'suspect', () => {
        return function (this: RemoteLinks, link, isSuspected) {
          this.status(link, isSuspected ? 'cut' : 'live')
        }
      }),
  },
  'left twice': {
    ports: ({ left }) => ({
      left: (...facts) => {
        left(...facts)
        left(...facts)
      },
    }),
  },
  'joined late': { ports: ({ joined }) => ({ joined: (peer) => queueMicrotask(() => joined(peer)) }) },
  'a loser that is not told': { ports: () => ({ refuse: () => {} }) },
}

for (const [name, { ports, part }] of Object.entries(broken)) {
  t.test(`is caught: ${name}`, async (t) => {
    const restore = part?.()
    const found = firstBroken(300, 1, ports && ((all) => makeRoster({ ...all, ...ports(all) })))
    restore?.()
    t.ok(found)
    t.comment(found)
  })
}
