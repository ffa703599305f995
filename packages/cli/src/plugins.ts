/**
 * The plugins of `waybill start`: loaded in the router's process, offered by a client `plugins` that comes in through no door. Where the router asks for tokens,
 * that one has a secret of this process.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Plugins } from '@waybill/plugins'
import type { RouterHandle, TokenSource } from '@waybill/server'
import { systemPorts } from '@waybill/core/system'
import { print, remark, type Terminal } from './terminal.js'

const NAME = 'plugins'
/** No label of a token is that. */
const PRINCIPAL = 'waybill.plugins'

/** What else a router asks for, and the token that lets the plugins in beside it. */
export function withPlugins(tokens: TokenSource | Readonly<Record<string, string>>): {
  readonly tokens: TokenSource | Readonly<Record<string, string>>
  readonly token: string
} {
  const token = Buffer.from(systemPorts.random.fill(new Uint8Array(32))).toString('base64url')
  if (typeof tokens.open !== 'function') return { tokens: { ...(tokens as Readonly<Record<string, string>>), [PRINCIPAL]: token }, token }
  const expected = digestOf(token)
  const source = tokens as TokenSource
  return {
    token,
    tokens: {
      open: (clock, revoked) => {
        const opened = source.open(clock, revoked)
        return {
          authenticate: (credentials) =>
            timingSafeEqual(digestOf(credentials?.token ?? ''), expected) ? PRINCIPAL : opened.authenticate(credentials),
          close: () => opened.close(),
        }
      },
    },
  }
}

/** Each that fails is told on stderr; the router goes on. Whoever ends the router closes the client first. */
export async function openPlugins(
  from: readonly string[],
  { transport }: RouterHandle,
  token: string | undefined,
  terminal: Terminal,
): Promise<{ readonly plugins: Plugins; close(): Promise<void> }> {
  const [{ connect }, { loadPlugins }] = await Promise.all([import('@waybill/client'), import('@waybill/plugins')])
  const client = await connect('memory:', { name: NAME, transport, drainOnSigterm: false, ...(token !== undefined && { token }) })
  const plugins = await loadPlugins({ from, client })
  for (const { file, message } of plugins.failed) remark(`waybill: the plugin ${file} is left out: ${message}`, terminal)
  // What runs is told by its signal, as where any router ends.
  return { plugins, close: () => client.close({ drainMs: 0 }) }
}

export function tellPlugins({ loaded }: Plugins, terminal: Terminal): void {
  const all = loaded.map(({ name, actions }) => `${name} (${actions.join(', ')})`)
  print(all.length === 0 ? 'No plugin was loaded.' : `Plugins: ${all.join(', ')}.`, terminal)
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
