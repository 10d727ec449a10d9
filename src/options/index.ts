/** Options: the rules, how they resolve, and the table of defaults. */
export { defaults } from './defaults.js'
export { describe, invalidOption, type Resolved, type Rules, resolveOptions, unknownOption } from './resolve.js'
export {
  countOrEndless,
  flag,
  instance,
  integer,
  milliseconds,
  oneOf,
  type Rule,
  required,
  signal,
  texts,
} from './rules.js'
