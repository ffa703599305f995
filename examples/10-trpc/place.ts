/** Where the router is, and its API as `@trpc/client` has it: nothing of Waybill is in this process but a type. */
import { createTRPCClient, createWSClient, wsLink, type TRPCClient } from '@trpc/client'
import type { TrpcApi } from '@waybill/server/trpc'
import superjson from 'superjson'
import { WebSocket } from 'ws'

const url = process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411'
const token = process.env['WAYBILL_TOKEN']

const socket = createWSClient({
  url: `${url}/trpc`,
  // Node 20 has none of its own.
  WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
  ...(token !== undefined && { connectionParams: { token } }),
})

export const router: TRPCClient<TrpcApi> = createTRPCClient<TrpcApi>({ links: [wsLink({ client: socket, transformer: superjson })] })
export const close = (): Promise<void> => socket.close()

export function textOf({ base64 }: { readonly base64: string }): string {
  return Buffer.from(base64, 'base64').toString()
}
