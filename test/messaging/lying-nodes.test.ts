/** Nodes that lie about names, incarnations and epochs: they harm nobody else, and what they say is bounded and counted. */
import t from 'tap'
import { claimOf, incarnation, RosterLab } from './roster-lab.js'

t.test('an incarnation of another node, or of this one', async (t) => {
  const lab = new RosterLab().meet('s1', 'n1').meet('s2', 'n2')
  lab.roster.claim('s1', claimOf('a', 1))
  lab.roster.addLocal(claimOf('here', 7))
  lab.lines()
  lab.roster.claim('s2', claimOf('a', 1, { epoch: 5 }))
  lab.roster.claim('s2', claimOf('b', 1))
  lab.roster.claim('s2', claimOf('here', 7, { epoch: 5 }))
  lab.roster.withdrawn('s2', incarnation(1))
  t.strictSame(lab.lines(), [
    's2: refuse 1 INVALID_REQUEST 0',
    's2: refuse 1 INVALID_REQUEST 0',
    's2: refuse 7 INVALID_REQUEST 0',
  ])
  t.ok(lab.roster.isPresent('s1', incarnation(1)))
  t.same(lab.roster.rejected, { incarnation: 3 })
  t.equal(lab.reported.length, 1, 'further ones are counted')
})

t.test('an incarnation that was claimed while its owner was away keeps it out, where there are no keys', async (t) => {
  const lab = new RosterLab().meet('s2', 'n2')
  lab.roster.claim('s2', claimOf('liar', 1))
  lab.meet('s1', 'n1')
  lab.roster.claim('s1', claimOf('a', 1))
  t.match(lab.lines().at(-1), 's1: refuse 1 INVALID_REQUEST 0')
  t.notOk(lab.roster.isPresent('s1', incarnation(1)))
  const secured = new RosterLab()
  secured.meet('s2', 'n2', 'key of the liar')
  secured.roster.claim('s2', claimOf('liar', 1))
  secured.meet('s1', 'n1', 'key of the owner')
  secured.roster.claim('s1', claimOf('a', 1))
  t.ok(secured.roster.isPresent('s1', incarnation(1)), 'with keys it does not')
})

t.test('an epoch of 2^53, and one that is no number of its kind', async (t) => {
  const lab = new RosterLab().meet('s', 'n')
  lab.roster.claim('s', claimOf('a', 1))
  lab.lines()
  for (const epoch of [2 ** 53, -1, 0.5, Number.NaN]) lab.roster.claim('s', claimOf('b', 2, { epoch }))
  t.strictSame(new Set(lab.lines()), new Set(['s: refuse 2 INVALID_REQUEST 0']))
  lab.roster.claim('s', claimOf('a', 1, { epoch: 2 ** 53 }))
  t.strictSame(lab.lines(), ['left a 1 withdrawn', 's: refuse 1 INVALID_REQUEST 0'])
  lab.roster.claim('s', claimOf('c', 3, { epoch: 2 ** 40 }))
  t.match(lab.roster.addLocal(claimOf('c', 4, { takeover: true })), { code: 'RIVULET_NAME_TAKEN' })
})

t.test('thousands of claims, with names and answers of any size', async (t) => {
  const lab = new RosterLab({ maxClaims: 10 }).meet('s1', 'n1').meet('s2', 'n2')
  for (let number = 0; number < 5000; number++) lab.roster.claim('s1', claimOf(`a${number}`, number))
  t.equal(lab.roster.peers.length, 10)
  t.same(lab.roster.rejected, { claims: 4990 })
  lab.roster.claim('s2', claimOf('b', 6000))
  t.equal(lab.roster.peers.length, 11, 'another node has its own')
  lab.roster.claim('s2', claimOf('', 6001))
  lab.roster.claim('s2', claimOf('x'.repeat(256), 6002))
  const answers = new Map(Array.from({ length: 1025 }, (_, at) => [`ask${at}`, at]))
  lab.roster.claim('s2', claimOf('c', 6003, { answers }))
  lab.roster.claim('s2', { ...claimOf('d', 6004), incarnation: 'short' })
  t.equal(lab.roster.peers.length, 11)
  t.equal(lab.roster.rejected.invalid, 4)
})

t.test('refusals without end do not raise an epoch without end', async (t) => {
  const lab = new RosterLab().meet('s', 'n')
  lab.roster.addLocal(claimOf('a', 1, { takeover: true }))
  for (let time = 0; time < 1000; time++) {
    const epoch = lab.roster.claims[0]?.epoch ?? 0
    lab.roster.answered('s', [], [{ incarnation: incarnation(1), code: 'RIVULET_NAME_TAKEN', message: '', epoch }])
  }
  t.equal(lab.roster.claims[0]?.epoch, 8)
  const lie = { incarnation: incarnation(1), code: 'RIVULET_NAME_TAKEN', message: '', epoch: 2 ** 53 } as const
  lab.roster.answered('s', [incarnation(77)], [lie, { ...lie, incarnation: incarnation(78) }])
  t.equal(lab.roster.claims[0]?.epoch, 8)
})

t.test('a conflict for each of a thousand holders of one name', async (t) => {
  const lab = new RosterLab()
  for (let number = 1; number < 1000; number++) {
    lab.meet(`s${number}`, `n${number}`).roster.claim(`s${number}`, claimOf('a', number))
  }
  const conflicts = lab.lines().filter((line) => line.startsWith('conflict'))
  t.equal(conflicts.length, 64)
})

t.test('one name, claimed thousands of times by one node', async (t) => {
  const lab = new RosterLab({ maxClaims: 10_000 }).meet('s1', 'n1').meet('s2', 'n2')
  for (let number = 5000; number > 0; number--) lab.roster.claim('s1', claimOf('a', number))
  t.same(lab.roster.rejected, { claims: 4992 })
  lab.lines()
  lab.roster.claim('s2', claimOf('a', 6000, { takeover: true, epoch: 2 }))
  t.ok(lab.lines().includes('joined a 6000'), 'another node takes it over all the same')
  lab.roster.withdrawn('s2', incarnation(6000))
  lab.roster.withdrawn('s1', incarnation(5000))
  lab.roster.claim('s1', claimOf('a', 7000))
  t.same(lab.roster.rejected, { claims: 4992 }, 'there is room again')
})

t.test('facts of sessions that are unknown, and claims before the node is known', async (t) => {
  const lab = new RosterLab()
  lab.roster.began('s', undefined)
  lab.roster.claim('s', claimOf('a', 1))
  lab.roster.claim('none', claimOf('a', 1))
  lab.roster.withdrawn('none', incarnation(1))
  lab.roster.status('none', 'cut')
  lab.roster.suspect('none', true)
  lab.roster.completed('none')
  lab.roster.answered('none', [incarnation(1)], [])
  t.equal(lab.roster.met('none', 'n', undefined), undefined)
  t.strictSame(lab.lines(), [])
})

t.test(
  'a node that says the id and the incarnations of another one first keeps neither its node nor its peers out',
  async (t) => {
    const lab = new RosterLab().meet('liar', 'n1', 'LIAR')
    const { roster } = lab
    roster.claim('liar', claimOf('b', 1))
    t.equal(roster.met('early', 'n1', undefined), undefined, 'a session that is not known')
    lab.meet('true', 'n1', 'TRUE')
    lab.lines()
    roster.claim('true', claimOf('a', 1))
    t.strictSame(lab.lines(), ['joined a 1', 'true: accept 1'])
    t.strictSame(roster.find('a')?.ref.identity?.publicKey, 'TRUE')
    t.ok(roster.isPresent('true', incarnation(1)))
    t.equal(roster.peerOn('true', incarnation(1))?.ref.name, 'a')
    t.equal(roster.peerOn('liar', incarnation(1))?.ref.name, 'b')
    roster.withdrawn('liar', incarnation(1))
    t.strictSame(lab.lines(), ['left b 1 withdrawn'])
    t.ok(roster.isPresent('true', incarnation(1)))
    roster.status('liar', 'ended')
    t.equal(roster.find('a')?.ref.incarnation, incarnation(1))
  },
)

t.test('an incarnation of this node under another key is another peer', async (t) => {
  const lab = new RosterLab({ publicKey: 'OWN' })
  const { roster } = lab
  roster.start()
  roster.addLocal(claimOf('here', 7))
  lab.lines()
  lab.meet('s', 'n', 'OTHER')
  roster.claim('s', claimOf('there', 7))
  t.strictSame(lab.lines(), ['joined there 7', 's: accept 7'])
  roster.withdrawn('s', incarnation(7))
  t.strictSame(lab.lines(), ['left there 7 withdrawn'])
  t.equal(roster.get(`${incarnation(7)} OWN`)?.ref.name, 'here')
  t.strictSame(
    roster.claims.map(({ name }) => name),
    ['here'],
  )
})
