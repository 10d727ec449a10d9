/** Stock tools as peers: `nc`, `openssl` and `socat`, run to their end, or as servers until a test has ended. */
import { spawn } from 'node:child_process'
import type { Test } from 'tap'
import { complaint, run } from '../child-process.js'

const timeoutMs = 60_000

/** Runs a tool to its end with an input, which it then sees the end of; returns its output. */
export async function tool(command: string, args: readonly string[], input: string): Promise<string> {
  const ended = await run(command, args, { cwd: '/', timeoutMs, input })
  const wrong = complaint(ended)
  if (wrong !== undefined) throw new Error(`${command} ${args.join(' ')} ${wrong}`)
  return ended.stdout
}

/** Runs a tool that may fail; returns everything that it wrote. */
export async function anyTool(command: string, args: readonly string[], input: string): Promise<string> {
  const { stdout, stderr } = await run(command, args, { cwd: '/', timeoutMs, input })
  return stdout + stderr
}

/** Starts a tool that serves; resolves to what matches in its output, such as a port, as soon as it is there. */
export function serveWith(t: Test, command: string, args: readonly string[], ready: RegExp): Promise<string> {
  // tap's recorder is for our own processes
  const child = spawn('env', ['-u', 'NODE_OPTIONS', command, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.on('error', () => {}) // it may have ended
  t.teardown(() => {
    child.kill('SIGKILL')
  })
  return new Promise((resolve, reject) => {
    let text = ''
    const look = (chunk: Buffer) => {
      text += chunk
      const match = ready.exec(text)
      if (match !== null) resolve(match[1] ?? match[0])
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${command} has ended with ${code}: ${text}`)))
  })
}
