/** The API as it is needed: loaded with the first request for it, as many routers never have one. */
import type { WaybillError } from '@waybill/core'
import type { JsonDoorOptions, Upgrade } from '../gateways/websocket.js'
import type { Pace, Who } from '../http/index.js'
import type { Router } from '../router.js'

export interface LateTrpc {
  answer(request: Request): Promise<Response>
  readonly upgrade: Upgrade
}

export interface LateTrpcParts {
  readonly router: Router
  readonly who: Who
  readonly json: JsonDoorOptions
  readonly pace: Pace
  readonly disclosed: (error: WaybillError) => WaybillError
}

/** What is said of the bytes of a parcel of the greatest length, which are base64 here. */
const WORDS_BYTES = 64 * 1024

export function lateTrpc(parts: LateTrpcParts): LateTrpc {
  let loading: Promise<LateTrpc> | undefined
  const loaded = (): Promise<LateTrpc> => (loading ??= load(parts))
  return {
    answer: async (request) => (await loaded()).answer(request),
    upgrade: (request, socket, head) =>
      void loaded().then(
        ({ upgrade }) => upgrade(request, socket, head),
        () => socket.destroy(),
      ),
  }
}

async function load({ router, who, json, pace, disclosed }: LateTrpcParts): Promise<LateTrpc> {
  const [{ trpcApi }, { answerRequest }, { TrpcSockets }, { Conversations, Offered }] = await Promise.all([
    import('./api.js'),
    import('./requests.js'),
    import('./sockets.js'),
    import('../calling/index.js'),
  ])
  const conversations = new Conversations({ entrance: router, json })
  const offered = new Offered()
  const apiParts = {
    router,
    who,
    offered: async (token: string | undefined, only: string | undefined) => offered.to(await conversations.of(token), only),
    disclosed,
  }
  const api = trpcApi(apiParts)
  const mostBytes = Math.ceil((router.maxFrameBytes * 4) / 3) + WORDS_BYTES
  const sockets = new TrpcSockets(apiParts, api, mostBytes)
  return {
    answer: (request) => answerRequest(apiParts, api, request, { mostBytes, pace }),
    upgrade: (request, socket, head) => sockets.upgrade(request, socket, head),
  }
}
