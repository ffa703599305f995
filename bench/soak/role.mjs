// One process of bench/soak/main.mjs: the router, or all clients of one transport.
import { answer } from '../answer.mjs'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { connect, service } from '@waybill/client'
import { createRouter } from '@waybill/server'
import { WebSocket } from 'ws'

const [, , role, ...args] = process.argv

/** @typedef {{ echo(phrase: string): string, count(to: number): AsyncGenerator<number> }} Parrot */
const parrot = /** @type {import('@waybill/client').ServiceDefinition<Parrot>} */ (service('Parrot@1.0.0', { echo: {}, count: {} }))

/** @type {Record<string, (question: any) => any>} */
const answers = {}
const wait = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms))

if (role === 'router') {
  const path = join(/** @type {string} */ (args[0]), 'router.sock')
  const router = await createRouter({ listen: { port: 0 }, tcp: { port: 0 }, unix: path })
  const [ws, tcp, unix] = router.urls
  answers['memory'] = () => {
    globalThis.gc?.()
    return { usedMiB: Math.round((process.memoryUsage.rss() / 2 ** 20) * 10) / 10 }
  }
  answers['left'] = async () => {
    await wait(1500)
    return router.load
  }
  process.send?.({ urls: { ws, tcp, unix, json: ws } })
} else {
  const [kind, url, text] = /** @type {[string, string, string]} */ (args)
  const many = Number(text)
  const result = { calls: 0, events: 0, streams: 0, returns: 0, failures: /** @type {string[]} */ ([]) }
  const fail = (/** @type {unknown} */ thrown) => void result.failures.push(String(thrown))
  /** @type {(() => Promise<void>)[]} */
  const closes = []
  let over = 0

  /** @param {import('@waybill/client').Client} client */
  async function hear(client) {
    for await (const _event of client.events('soak.*')) result.events++
  }

  /** @param {number} index */
  async function live(index) {
    let client = await connect(url, { timeout: '30s', onIncident: () => {} })
    closes.push(() => client.close({ drainMs: 1000 }))
    const prepare = async () => {
      if (index % 10 === 0)
        await client.expose(parrot, {
          echo: (phrase) => phrase,
          count: async function* (to) {
            for (let n = 0; n < to; n++) yield n
          },
        })
      if (index % 10 === 1) void hear(client).catch(fail)
    }
    await prepare()
    return async () => {
      while (performance.now() < over) {
        await wait(500 + ((index * 37) % 1000))
        try {
          if (index % 20 === 3) {
            let seen = 0
            for await (const item of client.remote(parrot).count(500)) if (item !== seen++) throw new Error('an item is missing')
            result.streams++
          }
          if (index % 20 === 5) {
            await client.close({ drainMs: 1000 })
            client = await connect(url, { timeout: '30s', onIncident: () => {} })
            result.returns++
          }
          const phrase = `${kind} ${index}`
          if ((await client.remote(parrot).echo(phrase)) !== phrase) throw new Error('another phrase came back')
          result.calls++
          if (index % 50 === 7) await client.publish('soak.tick', index)
        } catch (thrown) {
          fail(thrown)
        }
      }
    }
  }

  /** A client of the JSON door needs nothing but a WebSocket. @param {number} index */
  async function liveInText(index) {
    const socket = new WebSocket(url)
    /** @type {Map<string, (message: any) => void>} */
    const waiting = new Map()
    let name = ''
    await new Promise((resolve, reject) => {
      socket.on('error', reject)
      socket.on('open', () => socket.send(JSON.stringify({ hello: { magic: 24111602, version: 1 } })))
      socket.on('message', (data) => {
        const message = JSON.parse(/** @type {Buffer} */ (data).toString('utf8'))
        if (message.welcome !== undefined) {
          name = message.welcome.name
          resolve(undefined)
        } else if (message.heartbeat !== undefined) socket.send(JSON.stringify({ heartbeat: 'pong' }))
        else if (message.result !== undefined || message.status === 'rejected') {
          waiting.get(message.sn)?.(message)
          waiting.delete(message.sn)
        }
      })
    })
    closes.push(async () => socket.close())
    return async () => {
      while (performance.now() < over) {
        await wait(500 + ((index * 37) % 1000))
        const sn = randomUUID()
        const phrase = `${kind} ${index}`
        const answer = new Promise((resolve) => waiting.set(sn, resolve))
        socket.send(
          JSON.stringify({
            sn,
            version: '1.0',
            routing: [name, 'Parrot'],
            replyto: name,
            request: { classname: 'Parrot', method: 'echo', args: [phrase] },
          }),
        )
        const message = await Promise.race([answer, wait(20_000)])
        if (/** @type {any} */ (message)?.result?.retval === phrase) result.calls++
        else fail(JSON.stringify(message ?? 'no answer'))
      }
    }
  }

  /** @type {(() => Promise<void>)[]} */
  const lives = []
  for (let index = 0; index < many; index += 25) {
    const some = Array.from({ length: Math.min(25, many - index) }, (_, at) => (kind === 'json' ? liveInText : live)(index + at))
    lives.push(...(await Promise.all(some)))
  }
  answers['work'] = async ({ ms }) => {
    over = performance.now() + ms
    await Promise.all(lives.map((work) => work()))
    return result
  }
  answers['close'] = async () => {
    await Promise.all(closes.map((close) => close()))
    return {}
  }
  process.send?.({})
}

answer(answers)
