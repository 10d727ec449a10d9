/**
 * Generates the function that reads values by a plan: one flat function, and one for each record inside it.
 *
 * Every read is checked against the end, the items of arrays and maps against the bytes that are left, the depth and the
 * items without bytes against `limits.ts`: time and memory stay in proportion to the bytes.
 */
import type { ReadValue } from './codec.js'
import { defaultMaker, type LongMode, type MakeDefault } from './default-value.js'
import { SkipGenerator } from './generate-skip.js'
import { valueLimits } from './limits.js'
import { missingSymbol, type Plan, type RecordPlan } from './plan.js'
import {
  noBranch,
  noSymbol,
  notBoolean,
  readBigLong,
  readBytes,
  readInt,
  readLong,
  readLongNear,
  readText,
  setKey,
  short,
  sizedBlock,
  skipLong,
  toDate,
  toDecimal,
  tooDeep,
  tooManyItems,
  tooManyZeros,
  toTimestamp,
  toUuid,
  unresolvable,
} from './read-primitives.js'
import type { FieldNode, Logical } from './schema-node.js'
import { shortAscii } from './short-ascii.js'
import { literal, Source } from './source.js'

const primitives = {
  notBoolean,
  noBranch,
  noSymbol,
  readBigLong,
  readBytes,
  readInt,
  readLong,
  readLongNear,
  readText,
  setKey,
  short,
  sizedBlock,
  skipLong,
  toDate,
  toDecimal,
  tooDeep,
  tooManyItems,
  tooManyZeros,
  toTimestamp,
  toUuid,
  unresolvable,
  shortAscii,
}

/** Returns the function that reads values by the plan. */
export function generateRead(plan: Plan, long: LongMode): ReadValue<unknown> {
  return new ReadGenerator(long).generate(plan)
}

class ReadGenerator {
  readonly #source = new Source(primitives)
  readonly #skips = new SkipGenerator(this.#source)
  readonly #records = new Map<RecordPlan, string>()
  readonly #pending: RecordPlan[] = []
  readonly #long: LongMode

  constructor(long: LongMode) {
    this.#long = long
  }

  generate(plan: Plan): ReadValue<unknown> {
    const body = plan.op === 'record' ? this.#recordBody(plan.record, 'x') : this.#read(plan, 'x')
    for (let record = this.#pending.pop(); record !== undefined; record = this.#pending.pop()) {
      const guard = `if(d>=${valueLimits.recordDepth})tooDeep();let p=c.position;`
      const text = this.#recordBody(record, 'x')
      this.#source.add(`function ${this.#records.get(record)}(b,w,c,end,d){${guard}${text}c.position=p;return x}`)
    }
    this.#skips.finish()
    const reset = this.#skips.countsZeros ? 'zeros=0;' : ''
    this.#source.add(
      `let zeros=0;function read(b,w,c,end){${reset}const d=0;let p=c.position;${body}c.position=p;return x}`,
    )
    return this.#source.compile('read') as ReadValue<unknown>
  }

  /** Declares `out` with the value. */
  #read(plan: Plan, out: string): string {
    switch (plan.op) {
      case 'scalar':
        return this.#scalar(plan, out)
      case 'fixed': {
        const raw = this.#source.name('q')
        const text = `if(p+${plan.size}>end)short();const ${raw}=readBytes(b,p,p+${plan.size});p+=${plan.size};`
        return text + this.#logical(plan.logical, raw, out)
      }
      case 'enum':
        return this.#enum(plan.symbols, plan.path, out)
      case 'array': {
        const x = this.#source.name('x')
        const item = `${this.#item(plan.items, x)}${out}.push(${x});`
        return `const ${out}=[];${this.#skips.blocks(item, plan.leastBytes)}`
      }
      case 'map': {
        const [k, x] = [this.#source.name('k'), this.#source.name('x')]
        const key = this.#scalar({ wire: 'string', as: 'string' }, k)
        const entry = `${key}${this.#read(plan.values, x)}if(${k}==="__proto__")setKey(${out},${k},${x});else ${out}[${k}]=${x};`
        return `const ${out}={};${this.#skips.blocks(entry, 1)}`
      }
      case 'record':
        return `c.position=p;const ${out}=${this.#record(plan.record)}(b,w,c,end,d+1);p=c.position;`
      case 'branches': {
        const i = this.#source.name('i')
        const cases = plan.plans.map((branch, index) => {
          const x = this.#source.name('x')
          return `case ${index}:{${this.#read(branch, x)}${out}=${x};break}`
        })
        return `${this.#skips.int(i)}let ${out};switch(${i}){${cases.join('')}default:noBranch()}`
      }
      case 'wrap': {
        const x = this.#source.name('x')
        return `${this.#read(plan.plan, x)}const ${out}={[${literal(plan.name)}]:${x}};`
      }
      case 'unresolvable':
        return `const ${out}=${this.#refusal(plan.path, plan.reason)};`
    }
  }

  /** Reads an item of an array; the check of its block has made sure that there is room for every float and double. */
  #item(plan: Plan, out: string): string {
    const wire = plan.op === 'scalar' ? plan.wire : undefined
    if (wire === 'float') return `const ${out}=w.getFloat32(p,true);p+=4;`
    if (wire === 'double') return `const ${out}=w.getFloat64(p,true);p+=8;`
    return this.#read(plan, out)
  }

  #scalar({ wire, as, logical }: Omit<Plan & { op: 'scalar' }, 'op'>, out: string): string {
    if (logical !== undefined) {
      const raw = this.#source.name('q')
      // a timestamp is a Date in both modes of long
      const number = wire === 'long' ? this.#skips.long(raw) : undefined
      return (number ?? this.#plain(wire, wire === 'int' ? 'int' : as, raw)) + this.#logical(logical, raw, out)
    }
    return this.#plain(wire, as, out)
  }

  #plain(wire: string, as: string, out: string): string {
    switch (wire) {
      case 'null':
        return `const ${out}=null;`
      case 'boolean':
        return `if(p>=end)short();const ${out}=b[p++]===1;if(!${out}&&b[p-1]!==0)notBoolean();`
      case 'int':
        if (as === 'long' && this.#long === 'bigint') return this.#via('int', out, (raw) => `BigInt(${raw})`)
        if (as === 'float') return this.#via('int', out, (raw) => `Math.fround(${raw})`)
        return this.#skips.int(out)
      case 'long':
        if (as === 'float') return `c.position=p;const ${out}=Math.fround(readLongNear(b,c,end));p=c.position;`
        if (as === 'double') return `c.position=p;const ${out}=readLongNear(b,c,end);p=c.position;`
        if (this.#long === 'number') return this.#skips.long(out)
        return `c.position=p;const ${out}=readBigLong(b,c,end);p=c.position;`
      case 'float':
        return `if(p+4>end)short();const ${out}=w.getFloat32(p,true);p+=4;`
      case 'double':
        return `if(p+8>end)short();const ${out}=w.getFloat64(p,true);p+=8;`
      default: {
        // string and bytes, which may stand for one another
        const [n, q] = [this.#source.name('n'), this.#source.name('q')]
        const span = `${this.#skips.length(n)}const ${q}=p;p+=${n};`
        if (as === 'bytes') return `${span}const ${out}=readBytes(b,${q},p);`
        return `${span}let ${out}=${n}<17?shortAscii(b,${q},${n}):undefined;if(${out}===undefined)${out}=readText(b,${q},p);`
      }
    }
  }

  #via(wire: string, out: string, convert: (raw: string) => string): string {
    const raw = this.#source.name('q')
    return `${this.#plain(wire, wire, raw)}const ${out}=${convert(raw)};`
  }

  #logical(logical: Logical | undefined, raw: string, out: string): string {
    switch (logical?.kind) {
      case undefined:
        return `const ${out}=${raw};`
      case 'timestamp-millis':
        return `const ${out}=toTimestamp(${raw});`
      case 'date':
        return `const ${out}=toDate(${raw});`
      case 'decimal':
        return `const ${out}=toDecimal(${raw},${logical.precision},${logical.scale});`
      case 'uuid':
        return `const ${out}=toUuid(${raw});`
    }
  }

  #enum(symbols: readonly (string | undefined)[], path: string, out: string): string {
    const i = this.#source.name('i')
    const table = this.#source.constant(symbols)
    const range = `if(${i}<0||${i}>=${symbols.length})noSymbol();`
    const missing = symbols.includes(undefined) ? `if(${out}===undefined)${this.#refusal(path, missingSymbol)};` : ''
    return `${this.#skips.int(i)}${range}const ${out}=${table}[${i}];${missing}`
  }

  #record(record: RecordPlan): string {
    let name = this.#records.get(record)
    if (name === undefined) {
      name = this.#source.name('record')
      this.#records.set(record, name)
      this.#pending.push(record)
    }
    return name
  }

  #recordBody(record: RecordPlan, out: string): string {
    if (record.unresolvable)
      return `const ${out}=${this.#refusal(record.unresolvable.path, record.unresolvable.message)};`
    const values = new Map<number, string>()
    let text = ''
    for (const step of record.steps) {
      if ('skip' in step) {
        text += this.#skips.skip(step.skip)
        continue
      }
      const x = this.#source.name('f')
      values.set(step.field, x)
      text += this.#read(step.plan, x)
    }
    const entries = record.fields.map((field, index) => {
      return `${literal(field.name)}:${values.get(index) ?? this.#fallback(field)}`
    })
    return `${text}const ${out}={${entries.join(',')}};`
  }

  #fallback(field: FieldNode): string {
    return this.#source.fresh(defaultMaker(field.type, field.default, this.#long) as MakeDefault)
  }

  #refusal(path: string, reason: string): string {
    return `unresolvable(${this.#source.constant(path)},${this.#source.constant(reason)})`
  }
}
