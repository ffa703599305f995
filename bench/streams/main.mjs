// npm run bench:streams: what streams cost, whether they stay in constant memory, and what they do to small calls beside them.
//
// Router, worker and caller are three processes. Measured:
//
//   down, up      bytes from worker to caller and back, MB/s, CPU of all three a MB, the greatest resident memory of each while it lasts
//   items         small values out of a generator, one after the other; items a second, CPU of all three an item
//   beside        small calls, one at a time, on connections of their own to a worker of its own: alone; beside as much CPU of a foreign process;
//                 beside a stream of 50 MB/s. p50 and p99, and the ratio of the last two. Rounds are interleaved.
//   many          streams that begin, are read or broken off or fail, one after the other; then every table is as it was
//
// Options
//   --mib N       of down and up, 1024 by default
//   --items N     200,000 by default
//   --streams N   100,000 by default
//   --rounds N    of beside, 5 by default
//   --ms N        length of a run of beside, 1500 by default
//   --only a,b    only these parts
//   --profile DIR a V8 CPU profile of every process
//   --json        one line of JSON instead of a table
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '1024' },
    items: { type: 'string', default: '200000' },
    streams: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '5' },
    ms: { type: 'string', default: '1500' },
    only: { type: 'string', default: 'down,up,items,beside,many' },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const only = values.only.split(',')
const runMs = Number(values.ms)
/** The foreign load begins before what is measured beside it and ends after it. */
const loadMs = runMs * 1.2
const role = new URL('./role.mjs', import.meta.url)

/** @type {import('node:child_process').ChildProcess[]} */
const children = []
process.once('exit', () => children.forEach((child) => child.kill('SIGKILL')))

/** Starts a role and waits for what it says first. @param {string} name @param {string} [url] */
async function start(name, url = '') {
  const child = fork(role, [name, url], { execArgv: values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : [] })
  children.push(child)
  const [first] = await once(child, 'message')
  return { child, first, ask: (/** @type {object} */ question) => ask(child, question) }
}

/** @param {import('node:child_process').ChildProcess} child @param {object} question @returns {Promise<any>} */
function ask(child, question) {
  const answer = once(child, 'message').then(([message]) => message)
  child.send(question)
  return answer
}

const router = await start('router')
const worker = await start('worker', router.first.url)
const caller = await start('caller', router.first.url)
const all = { router, worker, caller }

/** What a piece of work costs all three, and how much memory they took at the most. @param {object} work */
async function measured(work) {
  for (const each of Object.values(all)) await each.ask({ kind: 'begin' })
  const result = await caller.ask(work)
  const cost = { cpuMs: 0, peakMiB: /** @type {Record<string, number>} */ ({}) }
  for (const [name, each] of Object.entries(all)) {
    const { cpuMs, peakMiB } = await each.ask({ kind: 'end' })
    cost.cpuMs += cpuMs
    cost.peakMiB[name] = peakMiB
  }
  return { ...result, ...cost }
}

/** @type {Record<string, any>} */
const figures = {}
for (const part of ['down', 'up']) {
  if (!only.includes(part)) continue
  const mib = Number(values.mib)
  const { ms, cpuMs, peakMiB } = await measured({ kind: part, mib })
  figures[part] = { mib, mbPerSecond: (mib * 1.048576) / (ms / 1000), cpuMsPerMb: cpuMs / (mib * 1.048576), peakMiB }
}
if (only.includes('items')) {
  const items = Number(values.items)
  const { ms, cpuMs } = await measured({ kind: 'items', items })
  figures.items = { items, perSecond: items / (ms / 1000), cpuUs: (cpuMs * 1000) / items }
}
if (only.includes('beside')) {
  const other = await start('worker', router.first.url)
  const asker = await start('caller', router.first.url)
  // As many as take part in the stream, each as busy as one of those was.
  const spinners = await Promise.all(Object.keys(all).map(() => start('spinner')))
  /** @type {{ alone: number[]; foreign: number[]; beside: number[]; ratio: number[]; cores: number[] }} */
  const p99 = { alone: [], foreign: [], beside: [], ratio: [], cores: [] }
  await other.ask({ kind: 'rename', name: 'Other' })
  for (let round = 0; round < Number(values.rounds); round++) {
    const alone = await asker.ask({ kind: 'calls', ms: runMs })
    const before = await cpuOf()
    const from = performance.now()
    const running = caller.ask({ kind: 'paced', ms: loadMs, mbPerSecond: 50 })
    const beside = await asker.ask({ kind: 'calls', ms: runMs })
    await running
    const lasted = performance.now() - from
    const shares = (await cpuOf()).map((cpuMs, index) => Math.min(1, (cpuMs - before[index]) / lasted))
    const spinning = Promise.all(spinners.map((spinner, index) => spinner.ask({ kind: 'spin', ms: loadMs, share: shares[index] })))
    const foreign = await asker.ask({ kind: 'calls', ms: runMs })
    await spinning
    p99.alone.push(alone.p99)
    p99.foreign.push(foreign.p99)
    p99.beside.push(beside.p99)
    p99.ratio.push(beside.p99 / foreign.p99)
    p99.cores.push(shares.reduce((sum, share) => sum + share, 0))
  }
  figures.beside = Object.fromEntries(Object.entries(p99).map(([name, each]) => [name, spread(each)]))
}
if (only.includes('many')) {
  const streams = Number(values.streams)
  const { ms, cpuMs, left } = await measured({ kind: 'many', streams })
  figures.many = {
    streams,
    ms,
    cpuUs: (cpuMs * 1000) / streams,
    left,
    worker: await worker.ask({ kind: 'left' }),
    router: await router.ask({ kind: 'left' }),
  }
}

if (values.json) console.log(JSON.stringify(figures))
else console.log(JSON.stringify(figures, (_key, value) => (typeof value === 'number' ? Math.round(value * 100) / 100 : value), 2))
await Promise.all(
  children.splice(0).map((child) => {
    const ended = once(child, 'exit')
    child.disconnect()
    return ended
  }),
)

/** @returns {Promise<number[]>} */
async function cpuOf() {
  const used = []
  for (const each of Object.values(all)) used.push((await each.ask({ kind: 'cpu' })).cpuMs)
  return used
}

/** @param {number[]} values */
function spread(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: sorted[sorted.length >> 1], least: sorted[0], greatest: sorted.at(-1) }
}
