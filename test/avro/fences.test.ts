/** What `src/avro` may import: itself, errors, the table of defaults and Node's own modules; and avsc, which one file loads. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../../tools/build.js'

const directory = join(root, 'src', 'avro', '/')

t.test('imports', async (t) => {
  const loaders: string[] = []
  for (const file of readdirSync(directory)) {
    for (const [, from = ''] of readFileSync(directory + file, 'utf8').matchAll(
      /^(?:import|export|\}) .*?\bfrom '([^']+)'$/gm,
    )) {
      if (from === 'avsc') loaders.push(file)
      else t.match(from, /^(\.\/[a-z-]+\.js|\.\.\/(errors|options)\/index\.js|node:\w+)$/, file)
    }
  }
  t.same(loaders, ['validate-with-avsc.ts'])
})

t.test('code is generated in one file, and an attempt made in another', async (t) => {
  const places = ['src', 'patterns'].flatMap((folder) => {
    const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    return names.filter((name) => name.endsWith('.ts')).map((name) => join(folder, name))
  })
  const generates = (file: string) => {
    const code = readFileSync(join(root, file), 'utf8').replace(/^\s*(?:\/?\*|\/\/).*$/gm, '')
    return /\bnew Function\b|\bFunction\(|\beval\(|runIn\w*Context/.test(code)
  }
  t.strictSame(places.filter(generates).sort(), ['src/avro/code-generation.ts', 'src/avro/source.ts'])
})
