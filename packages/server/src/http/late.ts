/** The HTTP door as it is needed: loaded with the first request, as many routers never have one. */
import type { WaybillError } from '@waybill/core'
import type { JsonDoorOptions, Web } from '../gateways/websocket.js'
import type { Router } from '../router.js'

export interface LateDoor {
  readonly answer: Web
  /** Requests that are open end. */
  close(): void
}

/** `json`: of the JSON doors behind which those who call are. */
export function lateHttpDoor(router: Router, json: JsonDoorOptions, disclosed: (error: WaybillError) => WaybillError): LateDoor {
  let loading: Promise<Loaded> | undefined
  return {
    answer: (request, response) => {
      loading ??= load(router, json, disclosed)
      loading.then(({ answer }) => answer(request, response)).catch(() => response.destroy())
    },
    close: () => void loading?.then(({ close }) => close()).catch(() => {}),
  }
}

interface Loaded {
  readonly answer: Web
  close(): void
}

async function load(router: Router, json: JsonDoorOptions, disclosed: (error: WaybillError) => WaybillError): Promise<Loaded> {
  const [{ getRequestListener }, { httpDoor, Who }] = await Promise.all([import('@hono/node-server'), import('./index.js')])
  const who = new Who((token) => router.identify(token))
  router.whenRevoked.add((principal, digest) => who.revoke(principal, digest))
  const { parcels, maxFrameBytes, openingMs } = router
  // A body may pause for longer than an introduction.
  const parts = {
    calling: { entrance: router, json },
    parcels,
    who,
    maxBodyBytes: maxFrameBytes,
    pace: { clock: router.clock, idleMs: 4 * openingMs },
    failure: () => router.failure,
  }
  const answer = getRequestListener(httpDoor(parts, disclosed), { overrideGlobalObjects: false })
  return { answer: (request, response) => void answer(request, response), close: () => who.stop() }
}
