/**
 * Child processes for tests: run to the end, bounded in time, with all they said.
 *
 * tap records every process that a test starts, through NODE_OPTIONS; the recorder loads modules of its own and turns
 * exit code 13 (a top-level await that never settles) into 0. Here a child is what it would be without tap.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const isTypeScript = import.meta.url.endsWith('.ts')

/** What Node needs to run our modules in a child: nothing where the tests are plain JavaScript, as in `npm test`. */
export const loader: readonly string[] = isTypeScript ? ['--import=tsx'] : []

/** The URL of a source file, from the repository's root, as it is run here. */
export function moduleUrl(source: string): string {
  return new URL(`../${isTypeScript ? source : source.replace(/\.ts$/, '.js')}`, import.meta.url).href
}

/** The path of a source file, from the repository's root, as it is run here. */
export function modulePath(source: string): string {
  return fileURLToPath(moduleUrl(source))
}

/** How a child process ended. */
export interface Ended {
  /** The exit code; `undefined` if a signal or the time limit ended it. */
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
  /** Whether it had to be killed because it ran for too long. */
  readonly late: boolean
}

/** Where and for how long a child process runs. */
export interface RunOptions {
  readonly cwd: string
  readonly timeoutMs: number
  readonly input?: string
}

/** Runs a program without a shell and without tap's recorder; rejects only if it cannot be started. */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<Ended> {
  const { cwd, timeoutMs, input } = options
  const env = { ...process.env }
  for (const name of Object.keys(env)) if (/^(TAP|_TAPJS|npm_)/.test(name)) delete env[name]
  // tap sets NODE_OPTIONS inside of `spawn`, whatever `env` says: only the child itself can take it off.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', command, ...args], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  let late = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin.on('error', () => {
    // The child may end without reading its input.
  })
  child.stdin.end(input ?? '')
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, timeoutMs)
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code: code ?? undefined, stdout, stderr, late })
    })
  })
}

/** Runs ECMAScript module text in a new Node process. */
export async function runModule(text: string, cwd: string, ...nodeArgs: string[]): Promise<Ended> {
  return run(process.execPath, [...nodeArgs, '--input-type=module', '-'], { cwd, timeoutMs: 30_000, input: text })
}

/** What went wrong with a child that should have ended with code 0, in words; `undefined` if nothing did. */
export function complaint({ code, stdout, stderr, late }: Ended): string | undefined {
  if (code === 0) return
  const how = late ? 'did not end in time' : `ended with code ${code}`
  return `${how}\n${stdout}${stderr}`.trim()
}
