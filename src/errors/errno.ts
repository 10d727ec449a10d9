/** The name that the system has for the cause of an error, for example `EADDRINUSE`; the empty text if it has none. */
export function errnoOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}
