/**
 * Decodes short ASCII text, which most strings of messages are, several times as fast as any decoder of the platform.
 *
 * Generated, with a case for each length: one call with all its arguments is what V8 makes quick.
 */
import { mayGenerate } from './code-generation.js'
import { Source } from './source.js'

const longest = 16

/** Returns ASCII text of at most 16 bytes; `undefined` if it is not ASCII, and always where no code may be generated. */
export const shortAscii = mayGenerate ? generate() : () => undefined

function generate(): (bytes: Buffer, start: number, length: number) => string | undefined {
  const source = new Source({ fromCharCode: String.fromCharCode })
  const cases = Array.from({ length: longest + 1 }, (_, length) => {
    const bytes = Array.from({ length }, (_, index) => `b[p+${index}]`)
    return `case ${length}:return fromCharCode(${bytes.join()});`
  })
  const isAscii = 'let all=0;for(let i=0;i<n;i++)all|=b[p+i];if(all&128)return undefined;'
  source.add(`function shortAscii(b,p,n){${isAscii}switch(n){${cases.join('')}}}`)
  return source.compile('shortAscii') as ReturnType<typeof generate>
}
