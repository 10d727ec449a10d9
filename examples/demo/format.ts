/** Numbers and names as people read them. */

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** `12,345`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** `12.3 MB`, in powers of 1000. */
export function bytes(value: number): string {
  const power = value < 999.5 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value / 0.9995) / 3))
  const amount = value / 1000 ** power
  return `${amount.toFixed(power === 0 || amount >= 100 ? 0 : 1)} ${units[power]}`
}

/** `42 %`, of a share from 0 to 1. */
export function percent(share: number): string {
  return `${Math.floor(share * 100)} %`
}

/** `3.4 s`, of milliseconds. */
export function seconds(valueMs: number): string {
  return `${(valueMs / 1000).toFixed(1)} s`
}

/** `0.31 ms`. */
export function milliseconds(valueMs: number): string {
  return `${valueMs.toFixed(valueMs < 10 ? 2 : 0)} ms`
}

/** `1 file`, `2 files`, `2 batches`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : noun.endsWith('ch') ? 'es' : 's'}`
}

/** A file name on one line, without control characters and changes of the writing direction. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
