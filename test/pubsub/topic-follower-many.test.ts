/** A subscription that meets more publishers than it remembers. */
import t from 'tap'
import { Following, Kept } from './follower-world.js'

const idP = '00000000000000aa'

t.test('endless publishers that only answer take the place of none that sends', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 2)
  const all = new Following([p], 'all')
  all.follower.served(idP, p.position, 1)
  all.settle()
  for (let n = 0; n < 3000; n++) all.follower.served(n.toString(16).padStart(16, '1'), 0, 1)
  all.follower.frame(idP, p.publish('a', 1))
  all.follower.served(idP, p.position, 1)
  all.settle()
  t.strictSame(
    all.texts().filter((text) => text !== 'live'),
    ['a1', 'a2', 'a3'],
  )
})
