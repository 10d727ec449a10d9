/** Names, claims and presence as a node decides them, over time that stands still. */
import t from 'tap'
import { claimOf, incarnation, leaveMs, RosterLab, settleMs } from './roster-lab.js'

t.test('rule 1: a peer is its name, its incarnation and its key', async (t) => {
  const { roster } = new RosterLab().meet('s', 'n', 'KEY')
  roster.claim('s', claimOf('a', 1))
  const ref = { name: 'a', incarnation: incarnation(1), identity: { name: 'n', publicKey: 'KEY' } }
  t.strictSame(roster.find('a')?.ref, ref)
  t.strictSame(roster.get(`${incarnation(1)} KEY`)?.ref, ref)
  t.equal(roster.find('b'), undefined)
})

t.test('rule 2: a claim to a held name is refused, and accepted when the holder leaves', async (t) => {
  const lab = new RosterLab().meet('s1', 'n1').meet('s2', 'n2')
  const { roster } = lab
  roster.claim('s1', claimOf('a', 5))
  t.strictSame(lab.lines(), ['joined a 5', 's1: accept 5'])
  roster.claim('s2', claimOf('a', 2, { epoch: 0 }))
  t.strictSame(lab.lines(), ['s2: refuse 2 NAME_TAKEN 1'], 'a smaller incarnation is no reason')
  t.notOk(roster.isPresent('s2', incarnation(2)))
  roster.withdrawn('s1', incarnation(5))
  t.strictSame(lab.lines(), ['left a 5 withdrawn', 'joined a 2', 's2: accept 2'])
  t.ok(roster.isPresent('s2', incarnation(2)))
})

t.test('rule 2: a peer of this node refuses another claim, and another peer of its name here', async (t) => {
  const lab = new RosterLab()
  const { roster } = lab
  roster.start()
  roster.addLocal(claimOf('a', 9))
  t.strictSame(lab.lines(), ['complete', 'announce a 9 at 0', 'joined a 9', 'announce a 9 at 1', 'changed 9'])
  t.match(roster.addLocal(claimOf('a', 8)), { code: 'RIVULET_NAME_TAKEN' })
  lab.meet('s', 'n')
  roster.claim('s', claimOf('a', 1, { epoch: 0 }))
  t.strictSame(lab.lines(), ['s: refuse 1 NAME_TAKEN 1'])
})

t.test('rule 2: a takeover claims again above the epoch of the holder, which is notified', async (t) => {
  const lab = new RosterLab().meet('s', 'n')
  const { roster } = lab
  roster.addLocal(claimOf('a', 9, { takeover: true }))
  t.strictSame(lab.lines(), ['announce a 9 at 0', 'joined a 9'])
  roster.answered('s', [], [{ incarnation: incarnation(9), code: 'RIVULET_NAME_TAKEN', message: '', epoch: 3 }])
  t.strictSame(lab.lines(), ['announce a 9 at 4', 'changed 9'])
  roster.answered('s', [incarnation(9)], [])
  t.strictSame(lab.lines(), ['s accepted 9'])
  t.ok(roster.isAccepted('s', incarnation(9)))
  // the one who was the holder once does not take the name back by force
  roster.answered('s', [], [{ incarnation: incarnation(9), code: 'RIVULET_NAME_TAKEN', message: '', epoch: 5 }])
  t.strictSame(lab.lines(), ['s refused 9 NAME_TAKEN'])
  t.notOk(roster.isAccepted('s', incarnation(9)))
})

t.test('rule 2: the loser of a takeover is refused from then on, without a conflict', async (t) => {
  const lab = new RosterLab().meet('s1', 'n1').meet('s2', 'n2')
  const { roster } = lab
  roster.claim('s1', claimOf('a', 5))
  lab.lines()
  roster.claim('s2', claimOf('a', 7, { epoch: 2, takeover: true }))
  t.strictSame(lab.lines(), ['left a 5 superseded', 'joined a 7', 's1: refuse 5 NAME_TAKEN 2', 's2: accept 7'])
  t.notOk(roster.isPresent('s1', incarnation(5)))
  roster.status('s2', 'ended')
  t.strictSame(lab.lines(), ['left a 7 lost', 'joined a 5', 's1: accept 5'])
})

t.test(
  'rule 2: a peer of this node whose name is taken over is withdrawn, and comes back when the holder leaves',
  async (t) => {
    const lab = new RosterLab()
    const { roster } = lab
    roster.start()
    roster.addLocal(claimOf('a', 1))
    lab.meet('s', 'n').lines()
    roster.claim('s', claimOf('a', 7, { epoch: 2, takeover: true }))
    t.strictSame(lab.lines(), [
      'left a 1 superseded',
      'joined a 7',
      'withdraw 1',
      'here refused 1 NAME_TAKEN',
      's: accept 7',
    ])
    t.strictSame(roster.claims, [])
    roster.withdrawn('s', incarnation(7))
    t.strictSame(lab.lines(), ['left a 7 withdrawn', 'joined a 1', 'regained 1', 'announce a 1 at 0'])
  },
)

t.test('rule 2: peers of one node take over from each other', async (t) => {
  const lab = new RosterLab()
  lab.roster.start()
  lab.roster.addLocal(claimOf('a', 1))
  lab.lines()
  t.equal(lab.roster.addLocal(claimOf('a', 2, { takeover: true })), undefined)
  t.strictSame(lab.lines(), [
    'announce a 2 at 2',
    'left a 1 superseded',
    'joined a 2',
    'withdraw 1',
    'here refused 1 NAME_TAKEN',
  ])
})

t.test('a name that is asked for is held after it was accepted for a while', async (t) => {
  const lab = new RosterLab().meet('s', 'n')
  const { roster, clock } = lab
  roster.start()
  roster.addLocal(claimOf('a', 1))
  t.strictSame(lab.lines(), ['complete', 'announce a 1 at 0', 'joined a 1'])
  roster.answered('s', [incarnation(1)], [])
  clock.advance(settleMs - 1)
  t.strictSame(lab.lines(), ['s accepted 1'])
  clock.advance(1)
  t.strictSame(lab.lines(), ['announce a 1 at 1', 'changed 1'])
})

t.test('a name that was refused is not held when the link ends', async (t) => {
  const lab = new RosterLab().meet('s', 'n')
  const { roster, clock } = lab
  roster.start()
  roster.addLocal(claimOf('a', 1))
  roster.answered('s', [], [{ incarnation: incarnation(1), code: 'RIVULET_NAME_TAKEN', message: '', epoch: 1 }])
  roster.status('s', 'ended')
  clock.advance(10 * settleMs)
  t.equal(roster.claims[0]?.epoch, 0)
})

t.test('rule 2: of two processes that ask each other for one name, both choose the same', async (t) => {
  for (const [mine, other] of [
    [1, 2],
    [2, 1],
  ] as const) {
    const lab = new RosterLab().meet('s', 'n')
    lab.roster.addLocal(claimOf('a', mine))
    lab.roster.claim('s', claimOf('a', other, { epoch: 0 }))
    t.equal(lab.roster.find('a')?.ref.incarnation, incarnation(1))
  }
})

t.test('rule 10: holders that meet are a conflict, with the same winner in any order', async (t) => {
  for (const numbers of [
    [3, 2, 4],
    [2, 3, 4],
    [4, 3, 2],
  ]) {
    const lab = new RosterLab()
    const { roster } = lab
    for (const number of numbers) {
      lab.meet(`s${number}`, `n${number}`)
      roster.claim(`s${number}`, claimOf('a', number))
    }
    t.equal(roster.find('a')?.ref.incarnation, incarnation(2))
    const conflicts = lab.lines().filter((line) => line.startsWith('conflict'))
    t.equal(conflicts.length, 2, 'each loser is named once')
    // what is known makes no noise
    roster.status('s4', 'ended')
    lab.meet('s4', 'n4')
    roster.claim('s4', claimOf('a', 4))
    t.notOk(lab.lines().some((line) => line.startsWith('conflict')))
    // a higher epoch wins whatever its incarnation
    roster.claim('s4', claimOf('a', 4, { epoch: 2 }))
    t.equal(roster.find('a')?.ref.incarnation, incarnation(4))
  }
})

t.test('rule 6 and 8: a peer leaves when its link was cut for long enough, and once', async (t) => {
  const lab = new RosterLab().meet('s', 'n')
  const { roster, clock } = lab
  roster.claim('s', claimOf('a', 1))
  lab.lines()
  roster.status('s', 'cut')
  clock.advance(leaveMs - 1)
  roster.status('s', 'live')
  clock.advance(leaveMs)
  t.strictSame(lab.lines(), [], 'a short cut is none')
  roster.status('s', 'cut')
  clock.advance(leaveMs)
  t.strictSame(lab.lines(), ['left a 1 lost'])
  roster.status('s', 'ended')
  t.strictSame(lab.lines(), [], 'not twice')
  t.equal(clock.timers, 0)
})

t.test('a session that is resumed brings its peers back', async (t) => {
  const lab = new RosterLab().meet('s1', 'n1').meet('s2', 'n2')
  const { roster, clock } = lab
  roster.claim('s1', claimOf('a', 1))
  roster.claim('s2', claimOf('a', 2, { epoch: 0 }))
  roster.status('s1', 'cut')
  lab.lines()
  clock.advance(leaveMs)
  t.strictSame(lab.lines(), ['left a 1 lost', 'joined a 2', 's2: accept 2'])
  roster.status('s1', 'live')
  t.strictSame(lab.lines(), ['left a 2 superseded', 'joined a 1', 's2: refuse 2 NAME_TAKEN 1'], 'it holds the name')
})

t.test('rule 8: a process that stalled gives its peers fresh time', async (t) => {
  const lab = new RosterLab().meet('s', 'n')
  const { roster, clock } = lab
  roster.claim('s', claimOf('a', 1))
  roster.status('s', 'cut')
  lab.lines()
  clock.block(10 * leaveMs)
  clock.advance(0)
  t.strictSame(lab.lines(), [], 'the first timer behind a stall decides nothing')
  clock.advance(leaveMs - 1)
  t.strictSame(lab.lines(), [])
  clock.advance(1)
  t.strictSame(lab.lines(), ['left a 1 lost'])
})

t.test('rule 8: a stall that ends before the time is over counts as well', async (t) => {
  const lab = new RosterLab().meet('s', 'n')
  const { roster, clock } = lab
  roster.claim('s', claimOf('a', 1))
  roster.status('s', 'cut')
  lab.lines()
  clock.block(leaveMs - 10)
  clock.advance(20)
  t.strictSame(lab.lines(), [])
})

t.test('rule 8: suspected is not left, and flapping is damped', async (t) => {
  const lab = new RosterLab().meet('s', 'n')
  const { roster, clock } = lab
  roster.claim('s', claimOf('a', 1))
  lab.lines()
  roster.suspect('s', true)
  clock.advance(600_000)
  t.strictSame(lab.lines(), ['suspected 1'])
  roster.suspect('s', false)
  t.strictSame(lab.lines(), ['recovered 1'], 'the first recovery shows at once')
  for (let time = 0; time < 300; time++) {
    roster.suspect('s', true)
    clock.advance(500)
    roster.suspect('s', false)
    clock.advance(500)
  }
  const events = lab.lines()
  t.ok(events.length < 20, `${events.length} events of 300 suspicions`)
  clock.advance(60_000)
  t.notOk(roster.find('a')?.isSuspected)
  t.equal(lab.lines().at(-1), 'recovered 1')
  lab.roster.suspect('s', true)
  lab.roster.suspect('s', false)
  t.strictSame(lab.lines(), ['suspected 1', 'recovered 1'], 'calm makes up for it')
})

t.test('rule 9: over two sessions of one node a peer is present once, until the last one ends', async (t) => {
  const lab = new RosterLab().meet('s1', 'n').meet('s2', 'n')
  const { roster, clock } = lab
  roster.claim('s1', claimOf('a', 1))
  roster.claim('s2', claimOf('a', 1))
  t.strictSame(lab.lines(), ['joined a 1', 's1: accept 1', 'changed 1', 's2: accept 1'])
  t.strictSame(roster.find('a')?.sessions, ['s1', 's2'])
  roster.suspect('s1', true)
  roster.status('s1', 'cut')
  clock.advance(2 * leaveMs)
  roster.status('s1', 'ended')
  t.strictSame(lab.lines(), ['changed 1'])
  roster.status('s2', 'ended')
  t.strictSame(lab.lines(), ['left a 1 lost'])
})

t.test('rule 12: a held name belongs to its key, also after the holder has left', async (t) => {
  const lab = new RosterLab({ publicKey: 'MINE' }).meet('s1', 'n1', 'K1').meet('s2', 'n2', 'K2')
  const { roster } = lab
  roster.claim('s1', claimOf('a', 5))
  lab.lines()
  const force = claimOf('a', 1, { epoch: 9, takeover: true })
  roster.claim('s2', force)
  t.strictSame(lab.lines(), [`s2: refuse 1 NAME_TAKEN ${2 ** 40}`], 'and no takeover is above that')
  roster.status('s1', 'ended')
  t.strictSame(lab.lines(), ['left a 5 lost'])
  roster.claim('s2', force)
  t.equal(roster.find('a'), undefined)
  t.match(roster.addLocal(claimOf('a', 3)), { code: 'RIVULET_NAME_TAKEN' })
  lab.meet('s3', 'n3', 'K1').lines()
  roster.claim('s3', claimOf('a', 6, { epoch: 0 }))
  t.strictSame(lab.lines(), ['joined a 6', 's3: accept 6'])
})

t.test('rule 12: the key decides who a node is: under another key it is another one', async (t) => {
  const lab = new RosterLab().meet('s1', 'n', 'K1').meet('s2', 'n', 'K2')
  const { roster } = lab
  roster.claim('s1', claimOf('a', 1))
  roster.claim('s2', claimOf('b', 1))
  const keys = ['a', 'b'].map((name) => roster.find(name)?.ref.identity?.publicKey)
  t.strictSame(keys, ['K1', 'K2'])
  t.match(roster.met('s2', 'other', undefined), { code: 'RIVULET_PROTOCOL_VIOLATION' })
})

t.test('rule 7: complete waits for the first rosters of what is dialed', async (t) => {
  const lab = new RosterLab()
  const { roster } = lab
  roster.opening('tcp://one')
  roster.opening('tcp://two')
  roster.opening('tcp://three')
  roster.start()
  roster.began('s1', 'tcp://one')
  roster.began('s2', 'tcp://two')
  roster.met('s1', 'n1', undefined)
  roster.claim('s1', claimOf('a', 1))
  roster.completed('s1')
  roster.opened('tcp://three')
  t.strictSame(lab.lines(), ['joined a 1', 's1: accept 1'])
  roster.completed('s2')
  t.strictSame(lab.lines(), ['complete'])
  roster.opening('tcp://four')
  roster.opened('tcp://four')
  t.strictSame(lab.lines(), [], 'once')
})

t.test('rule 7: complete waits for a bounded time', async (t) => {
  const lab = new RosterLab()
  lab.roster.opening('tcp://one')
  lab.roster.start()
  lab.clock.advance(settleMs - 1)
  t.strictSame(lab.lines(), [])
  lab.clock.advance(1)
  t.strictSame(lab.lines(), ['complete'])
  t.equal(lab.clock.timers, 0)
})

t.test('what a port calls back is decided at once, and reported behind', async (t) => {
  const lab = new RosterLab().meet('s', 'n')
  lab.onLine = (line) => {
    if (line === 'joined a 1') lab.roster.withdrawn('s', incarnation(1))
  }
  lab.roster.claim('s', claimOf('a', 1))
  t.strictSame(lab.lines(), ['joined a 1', 's: accept 1', 'left a 1 withdrawn'])
})

t.test('answers of a peer', async (t) => {
  const lab = new RosterLab().meet('s', 'n')
  const { roster } = lab
  roster.claim('s', claimOf('a', 1))
  roster.claim('s', claimOf('a', 1, { answers: new Map([['lookup', 3]]) }))
  t.strictSame(lab.lines(), ['joined a 1', 's: accept 1', 'changed 1', 's: accept 1'])
  t.same([...(roster.find('a')?.answers ?? [])], [['lookup', 3]])
  roster.addLocal(claimOf('b', 2))
  lab.lines()
  roster.changeLocal(incarnation(2), new Map([['sum', 1]]))
  t.strictSame(lab.lines(), ['announce b 2 at 0', 'changed 2'])
  t.same([...(roster.claims[0]?.answers ?? [])], [['sum', 1]])
  roster.removeLocal(incarnation(2))
  roster.removeLocal(incarnation(2))
  t.strictSame(lab.lines(), ['withdraw 2', 'left b 2 withdrawn'])
})
