/** The HTTP door as it is needed: loaded with the first request, as many routers never have one. */
import type { WaybillError } from '@waybill/core'
import type { JsonDoorOptions, Web } from '../gateways/websocket.js'
import type { Router } from '../router.js'
import type { Pace } from './body.js'
import type { RouteParts } from './routes.js'
import type { Who } from './who.js'

export interface LateParts {
  readonly router: Router
  readonly who: Who
  /** Of the JSON doors behind which those who call are. */
  readonly json: JsonDoorOptions
  readonly trpc: RouteParts['trpc']
  readonly pace: Pace
  readonly disclosed: (error: WaybillError) => WaybillError
}

export function lateHttpDoor(parts: LateParts): Web {
  let loading: Promise<Web> | undefined
  return (request, response) => {
    loading ??= load(parts)
    loading.then((answer) => answer(request, response)).catch(() => response.destroy())
  }
}

async function load({ router, who, json, trpc, pace, disclosed }: LateParts): Promise<Web> {
  const [{ getRequestListener }, { httpDoor }] = await Promise.all([import('@hono/node-server'), import('./index.js')])
  const { parcels, maxFrameBytes } = router
  const parts = {
    calling: { entrance: router, json },
    trpc,
    parcels,
    who,
    maxBodyBytes: maxFrameBytes,
    pace,
    failure: () => router.failure,
  }
  const answer = getRequestListener(httpDoor(parts, disclosed), { overrideGlobalObjects: false })
  return (request, response) => void answer(request, response)
}
