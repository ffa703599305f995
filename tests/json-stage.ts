/** A JSON door without a socket, on the virtual time of a harness. */
import type { Ports, WaybillError } from '@waybill/core'
import type { Harness } from '@waybill/testkit'
import { JsonDoor } from '../packages/server/src/gateways/json-door.js'
import type { JsonDoorParts } from '../packages/server/src/gateways/json-wire.js'
import type { Json } from './json-peer.js'

/** A door to the router of a harness, with an end that keeps what is said. */
export class JsonStage {
  readonly said: Json[] = []
  /** The same as it came. */
  readonly texts: string[] = []
  /** What was said to it. */
  readonly heard: string[] = []
  /** What went wrong, whoever is to blame. */
  readonly faults: WaybillError[] = []
  readonly ends: string[] = []
  readonly door: JsonDoor
  /** Told of each message, after it was said. */
  told: ((said: Json) => void) | undefined
  bufferedBytes = 0
  pings = 0

  constructor(h: Harness, more: Partial<JsonDoorParts> = {}) {
    const ports: Ports = h.world.process('door')
    const link = {
      bufferedBytes: 0,
      send: (packet: Uint8Array) => this.door.packet(packet),
      pause: () => this.door.pause(),
      resume: () => this.door.resume(),
      end: (code: number) => to.end(code),
      terminate: () => to.terminate(),
    }
    const say = (text: string): void => {
      this.texts.push(text)
      const said = JSON.parse(text) as Json
      this.said.push(said)
      if (this.told !== undefined) queueMicrotask(() => this.told!(said))
    }
    const buffered = (): number => this.bufferedBytes
    const to = {
      get bufferedBytes() {
        return buffered()
      },
      send: say,
      ping: () => void this.pings++,
      pause: () => void this.ends.push('pause'),
      resume: () => void this.ends.push('resume'),
      end: (code: number) => {
        if (!this.ends.some((end) => end.startsWith('end'))) this.ends.push(`end ${code}`)
      },
      terminate: () => {
        this.ends.push('terminate')
        this.door.closed({ reason: '' })
      },
    }
    const events = h.router.admit(link)
    this.door = new JsonDoor({
      to,
      router: events,
      ports,
      audience: 'router',
      disclosed: (error) => (this.faults.push(error), error),
      ...more,
    })
  }

  say(message: Json): void {
    this.text(JSON.stringify(message))
  }

  text(text: string): void {
    this.heard.push(text)
    this.door.text(new TextEncoder().encode(text))
  }

  take(name: string): Json[] {
    const found = this.said.filter((one) => name in one)
    for (const one of found) this.said.splice(this.said.indexOf(one), 1)
    return found
  }
}
