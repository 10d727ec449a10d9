/** Keeps the process alive, for what no open socket keeps alive: one handle, however many there are. */
import { longestTimerMs } from '../clock/index.js'

let holders = 0
let handle: NodeJS.Timeout | undefined

/** Keeps the process alive until the function that it returns is called. */
export function holdProcess(): () => void {
  let isHeld = true
  holders += 1
  handle ??= setInterval(() => {}, longestTimerMs)
  return () => {
    if (!isHeld) return
    isHeld = false
    holders -= 1
    if (holders > 0) return
    clearInterval(handle)
    handle = undefined
  }
}
