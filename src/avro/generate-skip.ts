/**
 * Generates the code that goes past values a reader has no field for, and the small reads that all readers share.
 *
 * Skipped bytes are checked like read ones, but for UTF-8 and the range of logical types: nothing is made of them. A
 * type that never takes a byte is skipped by no code at all, else nested empty records could cost without bound.
 */
import type { SkipValue } from './codec.js'
import { valueLimits } from './limits.js'
import {
  noBranch,
  noSymbol,
  notBoolean,
  readInt,
  readLong,
  short,
  sizedBlock,
  skipLong,
  tooDeep,
  tooManyItems,
  tooManyZeros,
} from './read-primitives.js'
import { leastBytes, type RecordNode, type SchemaNode } from './schema-node.js'
import { Source } from './source.js'

const primitives = {
  noBranch,
  noSymbol,
  notBoolean,
  readInt,
  readLong,
  short,
  sizedBlock,
  skipLong,
  tooDeep,
  tooManyItems,
  tooManyZeros,
}

/** Returns the function that goes past values of a schema. */
export function generateSkip(node: SchemaNode): SkipValue {
  const source = new Source(primitives)
  const generator = new SkipGenerator(source)
  const body = generator.skip(node)
  generator.finish()
  source.add(`let zeros=0;function skip(b,w,c,end){zeros=0;const d=0;let p=c.position;${body}c.position=p}`)
  return source.compile('skip') as SkipValue
}

/** The part of the generator that makes no values. */
export class SkipGenerator {
  readonly #source: Source
  readonly #records = new Map<RecordNode, string>()
  readonly #pending: RecordNode[] = []
  readonly #least = new Map<SchemaNode, number>()
  /** Whether any code counts items without bytes. */
  countsZeros = false

  constructor(source: Source) {
    this.#source = source
  }

  /** Goes past a value. */
  skip(node: SchemaNode): string {
    if (leastBytes(node, this.#least) === 0) return ''
    switch (node.kind) {
      case 'boolean':
        return 'if(p>=end)short();if(b[p++]>1)notBoolean();'
      case 'int':
        return this.int(this.#source.name('s'))
      case 'long':
        return 'c.position=p;skipLong(b,c,end);p=c.position;'
      case 'float':
      case 'double':
      case 'fixed':
        return `p+=${leastBytes(node)};if(p>end)short();`
      case 'string':
      case 'bytes': {
        const n = this.#source.name('n')
        return `${this.length(n)}p+=${n};`
      }
      case 'enum': {
        const i = this.#source.name('i')
        return `${this.int(i)}if(${i}<0||${i}>=${node.symbols.length})noSymbol();`
      }
      case 'array':
        return `{${this.blocks(this.skip(node.items), leastBytes(node.items, this.#least))}}`
      case 'map':
        return `{${this.blocks(this.skip({ kind: 'string' }) + this.skip(node.values), 1)}}`
      case 'union': {
        const i = this.#source.name('i')
        const cases = node.branches.map((branch, index) => `case ${index}:{${this.skip(branch)}break}`)
        return `${this.int(i)}switch(${i}){${cases.join('')}default:noBranch()}`
      }
      case 'record':
        return `c.position=p;${this.#record(node)}(b,w,c,end,d+1);p=c.position;`
      case 'null':
        return ''
    }
  }

  /** Adds the functions of records that are skipped. */
  finish(): void {
    for (let record = this.#pending.pop(); record !== undefined; record = this.#pending.pop()) {
      const guard = `if(d>=${valueLimits.recordDepth})tooDeep();let p=c.position;`
      const text = record.fields.map((field) => this.skip(field.type)).join('')
      this.#source.add(`function ${this.#records.get(record)}(b,w,c,end,d){${guard}${text}c.position=p}`)
    }
  }

  /** Declares `out` with a long as a number. */
  long(out: string): string {
    return this.#integer(out, 'readLong')
  }

  /** Declares `out` with an int. */
  int(out: string): string {
    return this.#integer(out, 'readInt')
  }

  /** Declares `out` with the length of bytes that are there. */
  length(out: string): string {
    return `${this.long(out)}if(${out}<0||${out}>end-p)short();`
  }

  /**
   * Reads the blocks of an array or map, the code of one item given.
   *
   * @param least - Bytes that an item takes at least; if none, the items count against the limit of the whole value.
   */
  blocks(item: string, least: number): string {
    const [n, i] = [this.#source.name('n'), this.#source.name('i')]
    const sized = `if(${n}<0){c.position=p;${n}=sizedBlock(b,c,end,${n});p=c.position}`
    if (least === 0) this.countsZeros = true
    const bound =
      least === 0
        ? `zeros+=${n};if(zeros>${valueLimits.zeroByteItems})tooManyZeros();`
        : `if(${n}>(end-p)/${least})tooManyItems();`
    const loop = item === '' ? '' : `for(let ${i}=0;${i}<${n};${i}++){${item}}`
    return `for(;;){${this.long(n)}if(${n}===0)break;${sized}${bound}${loop}}`
  }

  #integer(out: string, slow: string): string {
    const near = `if(${out}<128){p++;${out}=(${out}>>>1)^-(${out}&1)}`
    return `if(p>=end)short();let ${out}=b[p];${near}else{c.position=p;${out}=${slow}(b,c,end);p=c.position}`
  }

  #record(node: RecordNode): string {
    let name = this.#records.get(node)
    if (name === undefined) {
      name = this.#source.name('skip')
      this.#records.set(node, name)
      this.#pending.push(node)
    }
    return name
  }
}
