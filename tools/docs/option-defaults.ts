/**
 * Which default of the table in `src/options/defaults.ts` an option has, read from the code that uses the table.
 *
 * The code names a default where it names the option: `outboxBytes: integer({ …, fallback: defaults.outboxBytes })`. What
 * the file of the option says counts before what others say; options that this leaves open are listed here.
 */
import ts from 'typescript'

/** A default of the table. */
export type DefaultName = string

/** The use of a default for something with the name of an option. */
export interface DefaultUse {
  readonly file: string
  readonly name: string
  readonly key: DefaultName
}

/** Options whose default the code does not tell by the name alone. */
const known: Readonly<Record<string, DefaultName | undefined>> = {
  'CallOptions.idempotent': undefined, // what the service says of the method
  'CallOptions.waitForReady': undefined, // that of the client
  'CloseOptions.timeoutMs': 'closeTimeoutMs',
  'ConnectStreamOptions.firstFrameTimeoutMs': 'serverFrameTimeoutMs',
  'DecodeOptions.writer': undefined,
  'QueueHostOptions.maxBytes': 'storeBytes',
  'QueueOptions.maxBytes': 'maxQueueBytes',
  'RpcClientOptions.timeoutMs': 'callTimeoutMs',
  'StreamListenerOptions.firstFrameTimeoutMs': 'firstFrameTimeoutMs',
  'TlsListenerOptions.requestCert': 'requestCert',
}

/** Where these files name a default of the table. */
export function defaultUses(files: ReadonlyArray<{ readonly path: string; readonly text: string }>): DefaultUse[] {
  return files.flatMap(({ path, text }) => {
    if (!text.includes('defaults.')) return []
    const uses: DefaultUse[] = []
    const visit = (node: ts.Node): void => {
      const isNamed = ts.isPropertyAssignment(node) || ts.isBindingElement(node) || ts.isParameter(node)
      if ((isNamed || ts.isVariableDeclaration(node)) && ts.isIdentifier(node.name) && node.initializer !== undefined) {
        const name = node.name.text
        for (const key of keysIn(node.initializer)) uses.push({ file: path, name, key })
      }
      ts.forEachChild(node, visit)
    }
    visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
    return uses
  })
}

/** The default of an option; `undefined` if it has none in the table, or if the code leaves open which. */
export function defaultOf(
  option: { readonly owner: string; readonly name: string; readonly file: string },
  uses: readonly DefaultUse[],
): DefaultName | undefined {
  const fullName = `${option.owner}.${option.name}`
  if (fullName in known) return known[fullName]
  const named = uses.filter(({ name }) => name === option.name)
  const near = new Set(named.filter(({ file }) => file === option.file).map(({ key }) => key))
  const keys = near.size > 0 ? near : new Set(named.map(({ key }) => key))
  return keys.size === 1 ? [...keys][0] : undefined
}

function keysIn(node: ts.Node): string[] {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'defaults') {
    return [node.name.text]
  }
  const keys: string[] = []
  ts.forEachChild(node, (child) => {
    keys.push(...keysIn(child))
  })
  return keys
}
