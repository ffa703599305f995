/**
 * The ports over what Node and browsers both have as globals. Shells import it as `@waybill/core/system`; nothing in the core does.
 */
import type { Ports, Timer } from './index.js'

/** Node's own, absent in browsers. */
interface NodeGlobals {
  readonly setImmediate?: (run: () => void) => unknown
  readonly process?: { readonly nextTick?: (run: () => void) => void }
}

const node = globalThis as NodeGlobals
const nextTick = node.process?.nextTick
const immediate = node.setImmediate

export const systemPorts: Ports = {
  clock: {
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    timer: (delayMs, fire): Timer => {
      const timer = setTimeout(fire, delayMs)
      return { cancel: () => clearTimeout(timer) }
    },
  },
  random: {
    fill: (bytes) => {
      bytes.set(crypto.getRandomValues(new Uint8Array(bytes.byteLength)))
      return bytes
    },
  },
  soon: {
    onTick: nextTick === undefined ? (run) => queueMicrotask(run) : (run) => nextTick(run),
    afterInput: immediate === undefined ? (run) => void setTimeout(run, 0) : (run) => void immediate(run),
  },
}
