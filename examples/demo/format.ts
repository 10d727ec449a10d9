/**
 * Numbers and names as people read them.
 */

const sizes = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** `12,345`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** `12.3 MB`, in powers of 1000. */
export function bytes(value: number): string {
  let amount = value
  let size = 0
  while (amount >= 999.5 && size < sizes.length - 1) {
    amount /= 1000
    size += 1
  }
  return `${amount.toFixed(size === 0 || amount >= 100 ? 0 : 1)} ${sizes[size]}`
}

/** ` 42 %`, of a share from 0 to 1. */
export function percent(share: number): string {
  return `${Math.floor(share * 100)} %`.padStart(5)
}

/** `3.4 s`. */
export function seconds(value: number): string {
  return `${value.toFixed(1)} s`
}

/** `0.31 ms`. */
export function milliseconds(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)} ms`
}

/** `1 file`, `2 files`, `2 batches`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : noun.endsWith('ch') ? 'es' : 's'}`
}

/** A bar of so many characters. */
export function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  return '█'.repeat(full) + '░'.repeat(Math.max(0, width - full))
}

/** A name from outside, on one line and without anything that a terminal would obey. */
export function printable(text: string): string {
  // control characters, also those of the second range, and what turns the direction of writing
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
