/**
 * Generates the function that writes values of a schema: one flat function, and one for each record inside it.
 *
 * Fields whose size has a small bound share one check for room. `check.ts` says what is wrong with a value that the
 * function refuses; both take the same values, which a property test holds.
 */
import { spareBytes } from './buffer-full.js'
import type { WriteValue } from './codec.js'
import { defaultMaker, type LongMode, type MakeDefault } from './default-value.js'
import { valueLimits } from './limits.js'
import { dateToWire, decimalToWire, isUuid, timestampToWire, uuidToWire } from './logical.js'
import {
  branchName,
  type EnumNode,
  type FieldNode,
  type FixedNode,
  lookOf,
  type PrimitiveNode,
  type RecordNode,
  type SchemaNode,
  type UnionNode,
} from './schema-node.js'
import { literal, member, Source } from './source.js'
import {
  full,
  isPlain,
  misfit,
  onlyKey,
  refuse,
  writeBigLong,
  writeBytes,
  writeLong,
  writeString,
} from './write-primitives.js'

const primitives = {
  full,
  refuse,
  misfit,
  isPlain,
  onlyKey,
  writeLong,
  writeBigLong,
  writeString,
  writeBytes,
  timestampToWire,
  dateToWire,
  decimalToWire,
  uuidToWire,
  isUuid,
}

/** Returns the function that writes values of the schema. */
export function generateWrite(node: SchemaNode, long: LongMode): WriteValue<unknown> {
  return new WriteGenerator(long).generate(node)
}

class WriteGenerator {
  readonly #source = new Source(primitives)
  readonly #records = new Map<RecordNode, string>()
  readonly #pending: RecordNode[] = []
  readonly #long: LongMode

  constructor(long: LongMode) {
    this.#long = long
  }

  generate(node: SchemaNode): WriteValue<unknown> {
    const body = node.kind === 'record' ? this.#recordBody(node, 'v') : this.#checked(node, 'v')
    this.#source.add(`function write(v,b,w,p,end){const d=0;${body}return p}`)
    for (let record = this.#pending.pop(); record !== undefined; record = this.#pending.pop()) {
      const guard = `if(d>=${valueLimits.recordDepth})refuse();`
      const text = this.#recordBody(record, 'v')
      this.#source.add(`function ${this.#records.get(record)}(v,b,w,p,end,d){${guard}${text}return p}`)
    }
    return this.#source.compile('write') as WriteValue<unknown>
  }

  /** Writes `v` after a check for room. */
  #checked(node: SchemaNode, v: string): string {
    const bound = this.#bound(node)
    if (bound !== undefined) return room(bound) + this.#unchecked(node, v)
    switch (node.kind) {
      case 'string':
        if (node.logical !== undefined) return `if(!isUuid(${v}))refuse();p=writeString(b,p,${v},end);`
        return `if(typeof ${v}!=="string")refuse();p=writeString(b,p,${v},end);`
      case 'bytes':
        return this.#bytes(node, v)
      case 'fixed': {
        const x = this.#source.name('x')
        return `const ${x}=${this.#fixedValue(node, v)};if(p+${node.size}>end)full();b.set(${x},p);p+=${node.size};`
      }
      case 'array': {
        const [n, i, x] = [this.#source.name('n'), this.#source.name('i'), this.#source.name('x')]
        const item = this.#checked(node.items, x)
        const loop = `for(let ${i}=0;${i}<${n};${i}++){const ${x}=${v}[${i}];${item}}`
        return `if(!Array.isArray(${v}))refuse();const ${n}=${v}.length;${blocks(n, loop)}`
      }
      case 'map': {
        const [k, n, i] = [this.#source.name('k'), this.#source.name('n'), this.#source.name('i')]
        const x = this.#source.name('x')
        const item = this.#checked(node.values, x)
        const entry = `const ${x}=${v}[${k}[${i}]];p=writeString(b,p,${k}[${i}],end);${item}`
        const loop = `for(let ${i}=0;${i}<${n};${i}++){${entry}}`
        return `if(!isPlain(${v}))refuse();const ${k}=Object.keys(${v}),${n}=${k}.length;${blocks(n, loop)}`
      }
      case 'record':
        return `p=${this.#record(node)}(${v},b,w,p,end,d+1);`
      case 'union':
        return this.#union(node, v)
      default:
        throw new Error(`unreachable: ${node.kind}`)
    }
  }

  /** Writes `v`, for which the caller has checked that there is room. */
  #unchecked(node: SchemaNode, v: string): string {
    switch (node.kind) {
      case 'null':
        return `if(${v}!==null)refuse();`
      case 'boolean':
        return `if(typeof ${v}!=="boolean")refuse();b[p++]=${v}?1:0;`
      case 'int':
        if (node.logical !== undefined) return this.#converted(`dateToWire(${v})`)
        return `if(${v}!==(${v}|0)||typeof ${v}!=="number")refuse();p=writeLong(b,p,${v});`
      case 'long':
        if (node.logical !== undefined) return this.#converted(`timestampToWire(${v})`)
        if (this.#long === 'bigint') return `if(typeof ${v}!=="bigint")refuse();p=writeBigLong(b,p,${v});`
        return `if(!Number.isSafeInteger(${v}))refuse();p=writeLong(b,p,${v});`
      case 'float':
        return `if(typeof ${v}!=="number")refuse();w.setFloat32(p,${v},true);p+=4;`
      case 'double':
        return `if(typeof ${v}!=="number")refuse();w.setFloat64(p,${v},true);p+=8;`
      case 'enum':
        return this.#enum(node, v)
      case 'fixed': {
        const x = this.#source.name('x')
        return `const ${x}=${this.#fixedValue(node, v)};b.set(${x},p);p+=${node.size};`
      }
      case 'union':
        return this.#union(node, v)
      default:
        throw new Error(`unreachable: ${node.kind}`)
    }
  }

  /** The most bytes a value takes, if they are few enough to be checked for at once. */
  #bound(node: SchemaNode): number | undefined {
    switch (node.kind) {
      case 'null':
        return 0
      case 'boolean':
        return 1
      case 'int':
      case 'enum':
        return 5
      case 'long':
        return 10
      case 'float':
        return 4
      case 'double':
        return 8
      case 'fixed':
        return node.size <= spareBytes ? node.size : undefined
      case 'union': {
        let most = 0
        for (const branch of node.branches) {
          const bound = this.#bound(branch)
          if (bound === undefined) return undefined
          most = Math.max(most, bound)
        }
        return most + 2 <= spareBytes ? most + 2 : undefined
      }
      default:
        return undefined
    }
  }

  #converted(wire: string): string {
    const x = this.#source.name('x')
    return `const ${x}=${wire};if(${x}===undefined)refuse();p=writeLong(b,p,${x});`
  }

  #enum(node: EnumNode, v: string): string {
    const symbols = this.#source.constant(new Map(node.symbols.map((symbol, index) => [symbol, index])))
    const i = this.#source.name('i')
    return `const ${i}=${symbols}.get(${v});if(${i}===undefined)refuse();p=writeLong(b,p,${i});`
  }

  #bytes(node: PrimitiveNode, v: string): string {
    if (node.logical?.kind !== 'decimal') {
      return `if(!(${v} instanceof Uint8Array))refuse();p=writeBytes(b,p,${v},end);`
    }
    const x = this.#source.name('x')
    const { precision, scale } = node.logical
    return `const ${x}=decimalToWire(${v},${precision},${scale});if(${x}===undefined)refuse();p=writeBytes(b,p,${x},end);`
  }

  #fixedValue(node: FixedNode, v: string): string {
    const { logical, size } = node
    if (logical === undefined) return `${v} instanceof Uint8Array&&${v}.length===${size}?${v}:refuse()`
    const wire =
      logical.kind === 'decimal'
        ? `decimalToWire(${v},${logical.precision},${logical.scale},${size})`
        : `uuidToWire(${v})`
    return `${wire}??refuse()`
  }

  #record(node: RecordNode): string {
    let name = this.#records.get(node)
    if (name === undefined) {
      name = this.#source.name('record')
      this.#records.set(node, name)
      this.#pending.push(node)
    }
    return name
  }

  #recordBody(node: RecordNode, v: string): string {
    // a value of another kind would pass for one that leaves every field to its default
    const optional = node.fields.every((field) => field.hasDefault)
    let text = optional ? `if(!isPlain(${v}))refuse();` : `if(typeof ${v}!=="object"||${v}===null)refuse();`
    let run = ''
    let runBytes = 0
    const endRun = () => {
      text += room(runBytes) + run
      run = ''
      runBytes = 0
    }
    for (const field of node.fields) {
      const bound = this.#bound(field.type)
      if (bound === undefined || runBytes + bound > spareBytes) endRun()
      const [x, fetch] = this.#field(field, v)
      if (bound === undefined) {
        text += fetch + this.#checked(field.type, x)
      } else {
        run += fetch + this.#unchecked(field.type, x)
        runBytes += bound
      }
    }
    endRun()
    return text
  }

  #field(field: FieldNode, v: string): [name: string, source: string] {
    const x = this.#source.name('f')
    const access = member(v, field.name)
    if (!field.hasDefault) return [x, `const ${x}=${access};`]
    const fallback = defaultMaker(field.type, field.default, this.#long) as MakeDefault
    return [x, `let ${x}=${access};if(${x}===undefined)${x}=${this.#source.fresh(fallback)};`]
  }

  #union(node: UnionNode, v: string): string {
    const bounded = this.#bound(node) !== undefined
    return node.wrapped ? this.#wrapped(node, v, bounded) : this.#plain(node, v, bounded)
  }

  #plain(node: UnionNode, v: string, bounded: boolean): string {
    // objects last: every other look has a test that no plain object passes
    const order = [...node.branches.keys()].sort((a, b) => rank(node.branches[a]) - rank(node.branches[b]))
    const cases = order.map((index) => {
      const branch = node.branches[index] as SchemaNode
      return `if(${this.#test(branch, v)}){${this.#branch(branch, index, v, bounded)}}`
    })
    return `${cases.join('else ')}else refuse();`
  }

  #wrapped(node: UnionNode, v: string, bounded: boolean): string {
    const k = this.#source.name('k')
    const x = this.#source.name('x')
    let nulls = ''
    let cases = ''
    for (const [index, branch] of node.branches.entries()) {
      if (branch.kind === 'null') nulls = `if(${v}===null){${this.#branch(branch, index, v, bounded)}}else `
      else {
        const name = literal(branchName(branch))
        cases += `case ${name}:{const ${x}=${v}[${name}];${this.#branch(branch, index, x, bounded)}break}`
      }
    }
    return `${nulls}{const ${k}=onlyKey(${v});switch(${k}){${cases}default:refuse()}}`
  }

  #branch(branch: SchemaNode, index: number, v: string, bounded: boolean): string {
    const byte = index < 64 ? `b[p++]=${index << 1};` : `p=writeLong(b,p,${index});`
    if (bounded) return byte + this.#unchecked(branch, v)
    return `if(p+5>end)full();${byte}${this.#checked(branch, v)}`
  }

  #test(branch: SchemaNode, v: string): string {
    switch (lookOf(branch)) {
      case 'null':
        return `${v}===null`
      case 'boolean':
        return `typeof ${v}==="boolean"`
      case 'number':
        return `typeof ${v}==="${branch.kind === 'long' ? this.#long : 'number'}"`
      case 'string':
        return `typeof ${v}==="string"`
      case 'date':
        return `${v} instanceof Date`
      case 'bytes':
        return `${v} instanceof Uint8Array`
      case 'array':
        return `Array.isArray(${v})`
      default:
        return `isPlain(${v})`
    }
  }
}

const rank = (node: SchemaNode | undefined): number => (node !== undefined && lookOf(node) === 'object' ? 1 : 0)

const room = (bytes: number): string => (bytes === 0 ? '' : `if(p+${bytes}>end)full();`)

/** A single block of items, if there are any, and the block that ends them. */
function blocks(count: string, loop: string): string {
  return `if(${count}>0){if(p+10>end)full();p=writeLong(b,p,${count});${loop}}if(p>=end)full();b[p++]=0;`
}
