/**
 * The bounds on schemas and values that come from outside, in one place.
 *
 * They keep the time and memory of parsing, resolving and decoding in proportion to the bytes that were received. They
 * are not options: larger schemas and messages should be split. `docs/schemas/types.md` lists them.
 */

/** Bounds on a schema, one's own or a writer's. */
export const schemaLimits = {
  /** Bytes of the schema as JSON text. */
  textBytes: 64 * 1024,
  /** Types defined inside one another; a reference to a named type starts from nothing. */
  depth: 32,
  /** Fields of all records together. */
  fields: 4096,
  /** Bytes of one fixed. */
  fixedBytes: 16 * 1024 * 1024,
  /** Precision of a decimal, in decimal digits. */
  decimalDigits: 1000,
  /** Values that the defaults of a schema may hold together: a short text can name very many. */
  defaultValues: 4096,
  /** Characters of the texts, bytes and keys that the defaults of a schema may hold together. */
  defaultCharacters: 256 * 1024,
  /** Pairs of types that the resolution of two schemas may look at. */
  resolutionSteps: 250_000,
} as const

/** Bounds on a protocol, one's own or a peer's; each schema inside it is also held to those on schemas. */
export const protocolLimits = {
  /** Bytes of the protocol as JSON text. */
  textBytes: 256 * 1024,
  /** Messages. */
  messages: 1024,
  /** Fields of all records and requests together. */
  fields: 8192,
  /** Pairs of types that the resolution of all methods of two protocols may look at. */
  resolutionSteps: 1_000_000,
} as const

/** Bounds on a value that is written or read. */
export const valueLimits = {
  /** Records inside one another. */
  recordDepth: 256,
  /** Array items that take no byte, such as nulls, in one value. */
  zeroByteItems: 65_536,
} as const

/** Writers' schemas that one schema keeps a reader for. */
export const cachedReaders = 128

/** Peers' protocols that one service keeps. */
export const cachedProtocols = 16
