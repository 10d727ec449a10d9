/**
 * What ties a child process to the one that started it, seen from the child.
 *
 * The channel that `fork` makes carries nothing but the endpoint of a child that binds. It ends when the parent lets go,
 * and also when the parent dies in whatever way: nobody is left behind. Ctrl-C reaches every process of a terminal; what
 * follows is the parent's to say.
 */
import { fromEvent, type Observable, share, take } from 'rxjs'

/** Emits once, when the parent has let go or is dead. */
export function parentGone(): Observable<unknown> {
  if (!process.connected) throw new Error('this program is started by examples/demo/main.ts')
  process.on('SIGINT', () => {})
  return fromEvent(process, 'disconnect').pipe(take(1), share())
}
