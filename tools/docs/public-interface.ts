/**
 * The public interface as the TypeScript compiler sees it: what each entry exports, and the docstrings of all of it.
 *
 * It reads and judges nothing: `options-page.ts` makes a page of it, and `test/repository/reference.test.ts` holds it to rules.
 */
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { root } from '../build.js'

/** A docstring: its text, and its block tags in their order. */
export interface Docstring {
  readonly text: string
  readonly tags: ReadonlyArray<{ readonly name: string; readonly text: string }>
}

/** Parameters and docstring of a function or method; an overload is one of its own. */
export interface PublicSignature {
  readonly doc: Docstring
  /** The names of the parameters, without `this`. */
  readonly parameters: readonly string[]
  /** Their types, as the source has them. */
  readonly parameterTypes: readonly string[]
  /** Whether it returns a promise. */
  readonly isAsync: boolean
}

/** A member of an interface, a class or an object type. */
export interface PublicMember {
  readonly name: string
  readonly isOptional: boolean
  /** The type, as TypeScript writes it. */
  readonly type: string
  /** The texts that it may be, if it is one of several. */
  readonly values: readonly string[]
  readonly doc: Docstring
  /** The interface or class that declares it. */
  readonly owner: string
  /** The file that declares it, from the repository's root. */
  readonly file: string
  /** Its signatures, if it is a method. */
  readonly signatures: readonly PublicSignature[]
}

/** An exported symbol. */
export interface PublicSymbol {
  /** The entry that users import it from: `rivulet/queue`. */
  readonly entry: string
  readonly name: string
  readonly kind: 'class' | 'function' | 'interface' | 'type' | 'variable'
  readonly doc: Docstring
  /** Its signatures, if it is a function; those of its constructor, if it is a class. */
  readonly signatures: readonly PublicSignature[]
  /** Its members, those that it inherits included; none for functions and variables. */
  readonly members: readonly PublicMember[]
  /** The file that declares it, from the repository's root. */
  readonly file: string
}

/** An entry of the package and the file that it is. */
export interface EntryFile {
  readonly entry: string
  readonly path: string
}

/** The entries of the package in the order of `typedoc.json`: a symbol belongs to the first one that exports it. */
export function entryFiles(): EntryFile[] {
  const { entryPoints }: { entryPoints: string[] } = JSON.parse(readFileSync(join(root, 'typedoc.json'), 'utf8'))
  return entryPoints.map((path) => {
    const [, name = ''] = /^(?:patterns|src)\/(?:(\w+)\/)?\w+\.ts$/.exec(path) ?? []
    return { entry: name === '' ? 'rivulet' : `rivulet/${name}`, path: join(root, path) }
  })
}

/** The entries in the order of pages of the reference, with their titles. */
export const entryTitles: ReadonlyArray<readonly [entry: string, title: string]> = [
  ['rivulet', 'All resources'],
  ['rivulet/queue', 'Queues'],
  ['rivulet/pubsub', 'Topics'],
  ['rivulet/rpc', 'Calls'],
  ['rivulet/messaging', 'Messages between peers'],
  ['rivulet/directory', 'Directory'],
  ['rivulet/socket', 'Sockets'],
  ['rivulet/security', 'Security'],
  ['rivulet/avro', 'Schemas'],
]

/** Reads what these entries export, each symbol once; a name of `@internal` is left out. */
export function readPublicInterface(entries: readonly EntryFile[]): PublicSymbol[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
  const program = ts.createProgram({ rootNames: entries.map(({ path }) => path), options })
  const reader = new Reader(program.getTypeChecker())
  const seen = new Set<ts.Symbol>()
  return entries.flatMap(({ entry, path }) => {
    const module = program.getSourceFile(path)
    if (module === undefined) throw new Error(`${path} is no file`)
    return reader.exportsOf(module).flatMap((symbol) => {
      if (seen.has(symbol)) return []
      seen.add(symbol)
      return reader.symbolOf(entry, symbol)
    })
  })
}

class Reader {
  readonly #checker: ts.TypeChecker

  constructor(checker: ts.TypeChecker) {
    this.#checker = checker
  }

  exportsOf(file: ts.SourceFile): ts.Symbol[] {
    const module = this.#checker.getSymbolAtLocation(file)
    if (module === undefined) return []
    return this.#checker
      .getExportsOfModule(module)
      .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol))
  }

  symbolOf(entry: string, symbol: ts.Symbol): PublicSymbol[] {
    const [declaration] = symbol.declarations ?? []
    const doc = this.#docOf(symbol)
    if (declaration === undefined || isInternal(doc)) return []
    const kind = kindOf(symbol)
    const type = kind === 'variable' || kind === 'function' ? undefined : this.#checker.getDeclaredTypeOfSymbol(symbol)
    return [
      {
        entry,
        name: symbol.name,
        kind,
        doc,
        signatures: this.#signaturesOf(symbol, declaration),
        members: type === undefined || kind === 'type' ? this.#objectMembers(declaration) : this.#membersOf(type),
        file: fileOf(declaration),
      },
    ]
  }

  /** The members of a type alias that is written as an object. */
  #objectMembers(declaration: ts.Declaration): PublicMember[] {
    if (!ts.isTypeAliasDeclaration(declaration) || !ts.isTypeLiteralNode(declaration.type)) return []
    return this.#membersOf(this.#checker.getTypeFromTypeNode(declaration.type))
  }

  #membersOf(type: ts.Type): PublicMember[] {
    return this.#checker.getPropertiesOfType(type).flatMap((symbol) => {
      const declaration = symbol.declarations?.find((one) => fileOf(one).startsWith('..') === false)
      const doc = this.#docOf(symbol)
      if (declaration === undefined || /node_modules/.test(fileOf(declaration)) || isInternal(doc)) return []
      if (ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Static)) return []
      if (symbol.name.startsWith('__#') || symbol.name.startsWith('__@')) return []
      const { parent } = declaration
      const type = this.#checker.getNonNullableType(this.#checker.getTypeOfSymbol(symbol))
      const isDeclared = ts.isInterfaceDeclaration(parent) || ts.isClassDeclaration(parent)
      return [
        {
          name: symbol.name,
          isOptional: (symbol.flags & ts.SymbolFlags.Optional) !== 0,
          type: this.#checker.typeToString(type, declaration),
          values: textsOf(type),
          doc,
          owner: isDeclared ? (parent.name?.text ?? '') : '',
          file: fileOf(declaration),
          signatures: symbol.flags & ts.SymbolFlags.Method ? this.#signaturesOf(symbol, declaration) : [],
        },
      ]
    })
  }

  #signaturesOf(symbol: ts.Symbol, declaration: ts.Declaration): PublicSignature[] {
    const type = this.#checker.getTypeOfSymbolAtLocation(symbol, declaration)
    const isClass = (symbol.flags & ts.SymbolFlags.Class) !== 0
    const isFunction = (symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Method)) !== 0
    if (!isClass && !isFunction) return []
    return this.#checker
      .getSignaturesOfType(type, isClass ? ts.SignatureKind.Construct : ts.SignatureKind.Call)
      .filter((signature) => signature.declaration !== undefined)
      .map((signature) => ({
        doc: docstring(signature.getDocumentationComment(this.#checker), signature.getJsDocTags()),
        parameters: signature.parameters.map(({ name }) => name),
        parameterTypes: signature.parameters.map((parameter) => this.#parameterType(parameter)),
        isAsync: signature.getReturnType().symbol?.name === 'Promise',
      }))
  }

  #parameterType(parameter: ts.Symbol): string {
    const { valueDeclaration } = parameter
    if (valueDeclaration === undefined || !ts.isParameter(valueDeclaration)) return ''
    return valueDeclaration.type?.getText() ?? ''
  }

  #docOf(symbol: ts.Symbol): Docstring {
    return docstring(symbol.getDocumentationComment(this.#checker), symbol.getJsDocTags(this.#checker))
  }
}

/** The texts that a type is made of; none if it is made of anything else. */
function textsOf(type: ts.Type): string[] {
  const texts = type.isUnion() ? type.types.flatMap((one) => (one.isStringLiteral() ? one.value : [])) : []
  return type.isUnion() && texts.length === type.types.length ? texts : []
}

function docstring(parts: ts.SymbolDisplayPart[], tags: readonly ts.JSDocTagInfo[]): Docstring {
  return { text: textIn(parts), tags: tags.map(({ name, text }) => ({ name, text: textIn(text) })) }
}

/** The text of a docstring, with its links as they are written: `{@link createPush}`. */
function textIn(parts: ts.SymbolDisplayPart[] | undefined): string {
  return ts.displayPartsToString(parts).replaceAll(/\{@link (\w+)\s*\}/g, '{@link $1}')
}

function isInternal({ tags }: Docstring): boolean {
  return tags.some(({ name }) => name === 'internal')
}

function kindOf({ flags }: ts.Symbol): PublicSymbol['kind'] {
  if (flags & ts.SymbolFlags.Function) return 'function'
  if (flags & ts.SymbolFlags.Class) return 'class'
  if (flags & ts.SymbolFlags.Interface) return 'interface'
  return flags & ts.SymbolFlags.TypeAlias ? 'type' : 'variable'
}

function fileOf(declaration: ts.Declaration): string {
  return relative(root, declaration.getSourceFile().fileName).replaceAll('\\', '/')
}
