/**
 * What SIGTERM does to a process that offers services: they are taken back, what runs ends, and then the process ends as the signal would have
 * it. One listener a process, as long as there is a client to close; nothing of it where the program closes them all itself.
 */
import process from 'node:process'

/** A client, as far as its end is concerned. */
interface Closable {
  readonly closed: Promise<unknown>
  close(): Promise<void>
}

interface State {
  readonly clients: Set<Closable>
  readonly listener: () => void
  isEnding: boolean
}

/** On `globalThis` under `Symbol.for`, so that two copies of this package have one listener. */
const key = Symbol.for('waybill.sigterm')
const shared = globalThis as { [key]?: State }
const state: State = (shared[key] ??= { clients: new Set(), listener: () => void end(), isEnding: false })

/** Again for the same client does nothing. */
export function closeAtSigterm(client: Closable): void {
  const { clients, listener } = state
  if (clients.has(client)) return
  if (clients.size === 0 && !state.isEnding) process.on('SIGTERM', listener)
  clients.add(client)
  void client.closed.then(() => {
    clients.delete(client)
    if (clients.size === 0 && !state.isEnding) process.off('SIGTERM', listener)
  })
}

async function end(): Promise<void> {
  const { clients, listener } = state
  if (state.isEnding) return
  state.isEnding = true
  const others = process.listeners('SIGTERM').some((one) => one !== listener)
  while (clients.size > 0) await Promise.all(Array.from(clients, (client) => client.close().then(() => client.closed)))
  state.isEnding = false
  process.off('SIGTERM', listener)
  // Without a listener the signal does what it always does, so the exit status says what ended the process.
  if (!others) process.kill(process.pid, 'SIGTERM')
}
