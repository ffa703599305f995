/** What tests of streams at the JSON door share: a service with streams, and the words of a client on virtual time. */
import { service } from '@waybill/client'
import type { Harness } from '@waybill/testkit'
import type { Json } from './json-peer.js'
import { JsonStage } from './json-stage.js'

export const SN = 'e7e91fb6-611b-4284-a9ed-ac1636b2c709'
export const OTHER = '00000000-0000-4000-8000-000000000001'

export class Clock {
  made = 0
  stopped = 0

  async *tick(count: number, item?: unknown): AsyncGenerator<unknown, string> {
    try {
      for (let n = 0; n < count; n++) {
        this.made++
        yield item ?? n
      }
      return 'noon'
    } finally {
      this.stopped++
    }
  }

  async *fails(): AsyncGenerator<number> {
    yield 1
    throw new RangeError('late')
  }

  async *dates(): AsyncGenerator<unknown> {
    try {
      yield 'plain'
      for (;;) yield new Date(0)
    } finally {
      this.stopped++
    }
  }

  async total(numbers: AsyncIterable<number>, hold?: unknown): Promise<unknown> {
    let total = 0
    for await (const number of numbers) {
      total += number
      if (hold === 'first') break
    }
    return { total, hold }
  }

  bytes(): ReadableStream<Uint8Array> {
    return new Blob([Uint8Array.of(0, 255, 7)]).stream()
  }

  async size(bytes: AsyncIterable<Uint8Array>): Promise<number> {
    let size = 0
    for await (const piece of bytes) size += piece.byteLength
    return size
  }

  async pair(): Promise<unknown> {
    return { constructor: 1, left: this.tick(1), list: ['x'.repeat(2000), this.tick(2)] }
  }
}

const clock = service<Clock>('Clock@1.0.0', { tick: {}, fails: {}, dates: {}, total: {}, bytes: {}, size: {}, pair: {} })

export interface Script {
  count(to: number): AsyncGenerator<unknown, unknown>
  eat(...food: unknown[]): Promise<unknown>
  data(): ReadableStream<Uint8Array>
}

export async function open(h: Harness, name: string, offers?: readonly string[], more: Json = {}): Promise<JsonStage> {
  const stage = new JsonStage(h)
  stage.say({ hello: { name, ...more } })
  if (offers) stage.say({ sn: SN, register: { service: 'Script', methods: offers, concurrency: 10 } })
  await h.advance(0)
  stage.said.length = 0
  stage.texts.length = 0
  return stage
}

export async function bell(h: Harness): Promise<Clock> {
  const tower = await h.client('tower', { onIncident: () => {} })
  const it = new Clock()
  await tower.expose(clock, it)
  return it
}

/** Calls, and waits for what follows at once. */
export async function call(h: Harness, stage: JsonStage, method: string, args: unknown[] = [], more: Json = {}, sn = SN): Promise<void> {
  const { classname = 'Clock', ...rest } = more
  stage.say({ sn, replyto: 'walker', statuses: false, request: { classname, method, args, ...rest } })
  await h.advance(0)
}

/** What was told of streams, without the number of the call. */
export function told(stage: JsonStage): Json[] {
  const envelope = new Set(['sn', 'version', 'routing'])
  return stage.said.splice(0).map((said) => Object.fromEntries(Object.entries(said).filter(([name]) => !envelope.has(name))))
}

export const items = (stage: JsonStage): unknown[] => stage.take('item').map(({ item }) => (item as Json)['value'])

export async function leave(h: Harness, ...stages: readonly JsonStage[]): Promise<void> {
  for (const stage of stages) stage.door.closed({ reason: '' })
  await h.advance(2000)
}
