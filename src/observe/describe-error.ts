/**
 * An error as text for people: where it was thrown, and what led to it. It never throws, whatever an error holds.
 *
 * Of foreign values it reads `name`, `message`, `stack` and `cause` of errors, and texts and numbers that were thrown;
 * nothing else, since other members may hold what was in a message.
 */
import type { RivuletError } from '../errors/index.js'

/** How many errors behind an error are shown. */
const shownCauses = 5

/** Characters of a message, of a stack and of a place, at most. */
const messageChars = 1000
const stackChars = 4096
const placeChars = 300

/** The code of an error. */
export function codeOf(error: RivuletError): string {
  return textOr(read(error, 'code'), 'RIVULET_INTERNAL')
}

/** The message of an error. */
export function messageOf(error: RivuletError): string {
  return textOr(read(error, 'message'), 'an error that cannot be read').slice(0, messageChars)
}

/** The first line of code in the stack of the error that led to another one; empty if there is none. */
export function placeOf(error: RivuletError): string {
  const cause = causesOf(error).at(-1)
  if (cause === undefined) return ''
  return (framesOf(cause)[0] ?? headOf(cause)).trim().slice(0, placeChars)
}

/** What is known of an error beside its message: the delivery that it is about, and stacks. */
export function detailOf(error: RivuletError): string {
  const lines: string[] = []
  const delivery = deliveryOf(error)
  if (delivery !== undefined) lines.push(delivery)
  const causes = causesOf(error)
  if (causes.length === 0) lines.push(...framesOf(error))
  for (const cause of causes) lines.push(`caused by ${headOf(cause)}`, ...framesOf(cause))
  return lines.map(printable).join('\n')
}

/** A text without what a terminal would take for a command. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be printed
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd')
}

/** The errors behind an error, the first cause at the end. */
function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = []
  for (let cause = read(error, 'cause'); cause !== undefined && causes.length < shownCauses; ) {
    causes.push(cause)
    cause = read(cause, 'cause')
  }
  return causes
}

/** What was thrown, in one line or the lines of its message. */
function headOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, messageChars))
  if (typeof value !== 'object' && typeof value !== 'function') return String(value).slice(0, messageChars)
  if (value === null) return 'null'
  const message = read(value, 'message')
  const name = textOr(read(value, 'name'), 'Error')
  if (typeof message === 'string') return `${name}: ${message.slice(0, messageChars)}`
  return 'a value that is no error'
}

/** The lines of a stack that tell where. */
function framesOf(value: unknown): string[] {
  const stack = textOr(read(value, 'stack'), '').slice(0, stackChars)
  return stack.split('\n').filter((line) => /^\s+at /.test(line))
}

function deliveryOf(error: RivuletError): string | undefined {
  const delivery = read(error, 'delivery')
  if (typeof delivery !== 'object' || delivery === null) return undefined
  const parts = ['queue', 'position', 'attempt', 'id', 'consumer'].flatMap((member) => {
    const value = read(delivery, member)
    if (typeof value === 'number') return [`${member} ${value}`]
    return typeof value === 'string' ? [`${member} ${JSON.stringify(value)}`] : []
  })
  return parts.join(', ')
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}

/** A member of a value; `undefined` if it cannot be read. */
function read(value: unknown, member: string): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  try {
    return (value as Record<string, unknown>)[member]
  } catch {
    return undefined
  }
}
