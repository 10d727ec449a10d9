/**
 * `npm run soak -- compilers`: the packed package in a new strict project, checked by each compiler from TypeScript 5.4 to 7.
 *
 * It installs the compilers and the package's dependencies into a temporary folder, from the registry.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, root } from '../../tools/build.js'

const versions = ['5.4', '5.5', '5.6', '5.7', '5.8', '5.9', '6', '7']

const program = `
import { isRivuletError } from 'rivulet'
import { defineSchema, defineService, type Infer } from 'rivulet/avro'
import { createPublisher, createSubscriber } from 'rivulet/pubsub'
import { createConsumer, createProducer, createPull, createPush, createQueueHost } from 'rivulet/queue'
import { createRpcClient, createRpcServer } from 'rivulet/rpc'

const Part = defineSchema({ type: 'record', name: 'Part', fields: [{ name: 'bytes', type: 'bytes' }] })
export const part: Infer<typeof Part> = { bytes: Buffer.alloc(1) }
export const all = [isRivuletError, defineService, createPublisher, createSubscriber, createConsumer, createProducer,
  createPull, createPush, createQueueHost, createRpcClient, createRpcServer]
`

const config = {
  compilerOptions: { strict: true, noEmit: true, module: 'nodenext', target: 'es2022', skipLibCheck: false },
  files: ['program.ts'],
}

const folder = mkdtempSync(join(tmpdir(), 'rivulet-types-'))
let failed = 0
try {
  await build()
  const packed = execute('npm', ['pack', '--ignore-scripts', '--pack-destination', folder, '--silent'], root).trim()
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  writeFileSync(join(folder, 'program.ts'), program)
  const compilers = versions.map((version) => `${nameOf(version)}@npm:typescript@${version}`)
  execute('npm', ['install', '--ignore-scripts', `./${packed}`, 'rxjs', ...compilers], folder)
  for (const version of versions) {
    const compiler = join('node_modules', nameOf(version), 'bin', 'tsc')
    const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', '.'], { cwd: folder, encoding: 'utf8' })
    console.log(`TypeScript ${version}: ${status === 0 ? 'no errors' : `\n${stdout}`}`)
    if (status !== 0) failed += 1
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${versions.length} compilers, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

function nameOf(version: string): string {
  return `typescript-${version}`
}

function execute(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed\n${stderr}`)
  return stdout
}
