/** The soaks: each describes itself with `--help`, and names every option that it takes. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../../tools/build.js'
import { openingComment } from '../../tools/opening.js'

const textOf = (...path: string[]) => readFileSync(join(root, 'test', ...path), 'utf8')
const soaks = readdirSync(join(root, 'test', 'soak')).map((file) => ({
  name: file.replace('.ts', ''),
  source: textOf('soak', file),
}))

/** The options that a source gives to `parseArgs`; those of simulations are read in one place for all of them. */
function optionsOf(source: string): readonly string[] {
  const parsing = source.includes('soakSeeds') ? textOf('simulation', 'soak-seeds.ts') : source
  const [, options = ''] = /parseArgs\(\{\s*options: \{(.*?)\n?\s*\},?\s*\}\)/s.exec(parsing) ?? []
  return [...options.matchAll(/([\w-]+)'?: (?=\{ type:|count\()/g)].map(([, option]) => `--${option}`)
}

t.test('each soak names its command and every option that it takes', async (t) => {
  t.ok(soaks.length > 20)
  for (const { name, source } of soaks) {
    const help = openingComment(source)
    t.match(help, new RegExp(`^\`npm run soak -- ${name}( .*)?\``, 's'), name)
    const options = optionsOf(source)
    t.equal(options.length > 0, source.includes('parseArgs') || source.includes('soakSeeds'), `options of ${name}`)
    for (const option of options) t.ok(help.includes(option), `${name} names ${option}`)
  }
})

t.test('--help prints what a soak is, and runs nothing', async (t) => {
  for (const [name, ...others] of [['topics-simulation'], ['hostile', '--seconds', '1']] as const) {
    const args = ['--import=tsx', join('tools', 'soak.ts'), name, ...others, '--help']
    const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
    t.equal(status, 0)
    t.equal(stdout.trim(), openingComment(textOf('soak', `${name}.ts`)))
  }
})

t.test('a comment is read without its marks, and only where the source opens with it', async (t) => {
  t.equal(openingComment('/** One. */\nexport {}'), 'One.')
  t.equal(openingComment('/**\n * One.\n *\n * Two `three`.\n */\n'), 'One.\n\nTwo `three`.')
  t.equal(openingComment('export {}\n/** One. */'), '')
})
