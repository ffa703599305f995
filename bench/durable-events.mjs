// npm run bench:events: what durable events cost. The router, with its store in a temporary folder or where --data says, is a process of its own; publisher and
// reader are this one. Over WebSockets, values of --bytes.
//
//   one, many     events published one at a time and --flight at a time: events a second that are safe, and how long one takes to be (p50, p99)
//   plain         the same without `durable`, as fast as there is credit, as a measure of the machine
//   replay        all of them read from the log by one subscription, events a second
//   start         the router is killed and started again: until it answers; its memory then
//
// Options
//   --events N    published --flight at a time, 200,000 by default; a hundredth of that one at a time
//   --flight N    64 by default
//   --bytes N     100 by default
//   --data DIR    a folder on the disk that is measured
//   --memory      the router keeps them in its memory instead
//   --json        one line of JSON
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'

if (process.send) await serve()
else await measure()

async function serve() {
  const { createRouter } = await import('@waybill/server')
  const data = process.argv[2] === '' ? undefined : process.argv[2]
  const limits = { maxLoggedEvents: 2_000_000, ...(data === undefined && { maxLoggedBytes: 1024 ** 3 }) }
  const router = await createRouter({ listen: { port: 0 }, limits, ...(data !== undefined && { data }) })
  process.send({ url: router.url, rss: process.memoryUsage.rss() })
}

async function measure() {
  const { values } = parseArgs({
    options: {
      events: { type: 'string', default: '200000' },
      flight: { type: 'string', default: '64' },
      bytes: { type: 'string', default: '100' },
      data: { type: 'string' },
      memory: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const [events, flight, bytes] = [values.events, values.flight, values.bytes].map(Number)
  const { connect } = await import('@waybill/client')
  const folder = values.data ?? mkdtempSync(join(tmpdir(), 'waybill-bench-'))
  const data = values.memory ? '' : join(folder, 'store')
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let child
  process.once('exit', () => child?.kill('SIGKILL'))
  const start = async () => {
    child = fork(new URL(import.meta.url), [data])
    const [first] = await once(child, 'message')
    return first
  }
  const value = 'x'.repeat(bytes)

  /** @param {import('@waybill/client').Client} client */
  const publish = async (client, count, inFlight, durable) => {
    const took = new Float64Array(count)
    let next = 0
    const lane = async () => {
      while (next < count) {
        const at = next++
        const began = performance.now()
        await client.publish('bench.event', value, { durable })
        took[at] = performance.now() - began
      }
    }
    const began = performance.now()
    await Promise.all(Array.from({ length: inFlight }, lane))
    const seconds = (performance.now() - began) / 1000
    took.sort()
    const at = (share) => Math.round(took[Math.floor(count * share)] * 1000) / 1000
    return { eventsPerSecond: Math.round(count / seconds), p50Ms: at(0.5), p99Ms: at(0.99) }
  }

  let { url } = await start()
  let client = await connect(url)
  await publish(client, 2000, flight, true)
  const few = Math.ceil(events / 100)
  const one = await publish(client, few, 1, true)
  const many = await publish(client, events, flight, true)
  const plain = await publish(client, events, 1, false)
  const all = 2000 + few + events
  const replay = async () => {
    const began = performance.now()
    let left = all
    for await (const { kind } of client.events('bench.*', { after: 0 })) if (kind === 'event' && --left === 0) break
    return Math.round((all / (performance.now() - began)) * 1000)
  }
  const figures = { events: all, flight, bytes, one, many, plainPerSecond: plain.eventsPerSecond, replayPerSecond: await replay() }
  await client.close()
  if (!values.memory) {
    child.kill('SIGKILL')
    await once(child, 'exit')
    const began = performance.now()
    const { url: again, rss } = await start()
    url = again
    client = await connect(url)
    Object.assign(figures, { startMs: Math.round(performance.now() - began), rssMiB: Math.round(rss / 1024 / 1024) })
    Object.assign(figures, { replayAfterStartPerSecond: await replay() })
    await client.close()
  }
  child.kill()
  await once(child, 'exit')
  if (values.data === undefined) rmSync(folder, { recursive: true })
  if (values.json) console.log(JSON.stringify(figures))
  else console.table(figures)
}
