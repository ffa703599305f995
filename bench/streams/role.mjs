// One process of bench/streams/main.mjs: a router, a worker, a caller, or somebody who only uses the CPU.
import { answer } from '../answer.mjs'
import { connect, service } from '@waybill/client'
import { createRouter } from '@waybill/server'

const [, , role, url] = process.argv
const PIECE = 64 * 1024

/** @typedef {{ down(bytes: number): ReadableStream<Uint8Array>, up(bytes: ReadableStream<Uint8Array>): Promise<number>, paced(bytes: number, mbPerSecond: number): ReadableStream<Uint8Array>, items(count: number): AsyncGenerator<number>, fails(after: number): AsyncGenerator<number>, echo(phrase: string): string }} Flood */

const methods = { down: {}, up: {}, paced: {}, items: {}, fails: {}, echo: {} }
const definition = (/** @type {string} */ name) =>
  /** @type {import('@waybill/client').ServiceDefinition<Flood>} */ (service(`${name}@1.0.0`, methods))

/** @param {number} length @param {number} [mbPerSecond] */
function source(length, mbPerSecond) {
  let sent = 0
  const from = performance.now()
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      const piece = Math.min(PIECE, length - sent)
      if (piece === 0) return controller.close()
      if (mbPerSecond !== undefined) {
        const dueMs = sent / (mbPerSecond * 1000) - (performance.now() - from)
        if (dueMs > 1) await new Promise((resolve) => setTimeout(resolve, dueMs))
      }
      controller.enqueue(new Uint8Array(piece))
      sent += piece
    },
  })
}

/** @param {AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>} stream */
async function lengthOf(stream) {
  let length = 0
  for await (const piece of /** @type {AsyncIterable<Uint8Array>} */ (stream)) length += piece.byteLength
  return length
}

/** @type {Flood} */
const flood = {
  down: (bytes) => source(bytes),
  up: (bytes) => lengthOf(bytes),
  paced: (bytes, mbPerSecond) => source(bytes, mbPerSecond),
  async *items(count) {
    for (let n = 0; n < count; n++) yield n
  },
  async *fails(after) {
    for (let n = 0; n < after; n++) yield n
    throw new Error('as it was told to')
  },
  echo: (phrase) => phrase,
}

/** @type {Record<string, (question: any) => any>} */
const answers = {}
let cpu = process.cpuUsage()
let peak = 0
/** @type {NodeJS.Timeout | undefined} */
let sampling
answers['begin'] = () => {
  globalThis.gc?.()
  cpu = process.cpuUsage()
  peak = 0
  sampling = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 20)
  return {}
}
answers['end'] = () => {
  clearInterval(sampling)
  const { user, system } = process.cpuUsage(cpu)
  return { cpuMs: (user + system) / 1000, peakMiB: Math.max(peak, process.memoryUsage.rss()) / 2 ** 20 }
}
answers['cpu'] = () => {
  const { user, system } = process.cpuUsage()
  return { cpuMs: (user + system) / 1000 }
}

if (role === 'router') {
  const router = await createRouter({ listen: { port: 0 } })
  const view = await connect(router.url)
  const info = /** @type {any} */ (view.remote('waybill.Router'))
  answers['left'] = () => info.info()
  process.send?.({ url: router.url })
} else if (role === 'spinner') {
  answers['spin'] = async ({ ms, share }) => {
    const until = performance.now() + ms
    while (performance.now() < until) {
      const slice = performance.now() + 10 * share
      while (performance.now() < slice);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, 10 - 10 * share)))
    }
    return {}
  }
  process.send?.({})
} else if (role === 'worker') {
  const client = await connect(/** @type {string} */ (url), { onIncident: () => {} })
  const exposed = await client.expose(definition('Flood'), flood)
  answers['rename'] = async ({ name }) => {
    await exposed.withdraw()
    await client.expose(definition(name), flood)
    return {}
  }
  answers['left'] = () => client.pending
  process.send?.({})
} else {
  const client = await connect(/** @type {string} */ (url), { onIncident: () => {} })
  const proxy = client.remote(definition('Flood'))
  const other = client.remote(definition('Other'))
  const timed = async (/** @type {() => Promise<void>} */ work) => {
    const from = performance.now()
    await work()
    return { ms: performance.now() - from }
  }
  const expectLength = (/** @type {number} */ length, /** @type {number} */ wanted) => {
    if (length !== wanted) throw new Error(`${length} bytes arrived, of ${wanted}`)
  }
  answers['down'] = ({ mib }) => timed(async () => expectLength(await lengthOf(await proxy.down(mib * 2 ** 20)), mib * 2 ** 20))
  answers['up'] = ({ mib }) => timed(async () => expectLength(await proxy.up(source(mib * 2 ** 20)), mib * 2 ** 20))
  answers['items'] = ({ items }) =>
    timed(async () => {
      let seen = 0
      for await (const item of proxy.items(items)) if (item !== seen++) throw new Error('out of order')
      if (seen !== items) throw new Error(`${seen} items arrived, of ${items}`)
    })
  answers['paced'] = ({ ms, mbPerSecond }) =>
    timed(async () => void (await lengthOf(await proxy.paced(ms * mbPerSecond * 1000, mbPerSecond))))
  answers['calls'] = async ({ ms }) => {
    const took = []
    const until = performance.now() + ms
    while (performance.now() < until) {
      const from = performance.now()
      await other.echo('a phrase of some twenty')
      took.push(performance.now() - from)
    }
    took.sort((a, b) => a - b)
    return { p50: took[took.length >> 1], p99: took[Math.floor(took.length * 0.99)], calls: took.length }
  }
  answers['many'] = async ({ streams }) => {
    const { ms } = await timed(async () => {
      let begun = 0
      const one = async () => {
        for (let turn = begun++; turn < streams; turn = begun++) {
          if (turn % 3 === 0) {
            for await (const _item of proxy.items(3));
          } else if (turn % 3 === 1) {
            for await (const item of proxy.items(1000)) if (item === 2) break
          } else {
            try {
              for await (const _item of proxy.fails(2));
              throw new TypeError('it did not fail')
            } catch (thrown) {
              if (thrown instanceof TypeError) throw thrown
            }
          }
        }
      }
      await Promise.all(Array.from({ length: 32 }, one))
      while (client.pending.outgoing > 0) await new Promise((resolve) => setTimeout(resolve, 10))
    })
    return { ms, left: client.pending }
  }
  process.send?.({})
}

answer(answers)
