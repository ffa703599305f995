// npm run soak: many clients on every door at once, for a while. Does the memory of the router stay where it is?
//
// The router is a process of its own, and so are the clients, by transport: WebSocket, TCP, Unix socket, JSON text. Each client makes a small call now and
// then, every tenth offers a service, every tenth hears events, every twentieth hops off and on again, and one in twenty reads a stream.
//
// Options
//   --clients N   1,000 by default
//   --seconds N   60 by default
//   --json        one line of JSON instead of text
//
// Ends with 1 where a call failed, or where the router's memory in the last quarter is more than 10 % and 8 MiB above that of the second quarter.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
  },
})
const clients = Number(values.clients)
const seconds = Number(values.seconds)
if (!Number.isInteger(clients) || clients < 40 || !Number.isInteger(seconds) || seconds < 1) {
  console.error('soak: --clients takes at least 40, --seconds at least 1')
  process.exit(2)
}
const role = new URL('./role.mjs', import.meta.url)
const folder = mkdtempSync(join(tmpdir(), 'waybill-soak-'))
/** @type {import('node:child_process').ChildProcess[]} */
const children = []
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** @param {string} name @param {string[]} args */
async function start(name, ...args) {
  const child = fork(role, [name, ...args], { execArgv: name === 'router' ? ['--expose-gc'] : [] })
  children.push(child)
  const [first] = await once(child, 'message')
  return { child, first }
}

/** @param {import('node:child_process').ChildProcess} child @param {object} question @returns {Promise<any>} */
async function ask(child, question) {
  const answer = once(child, 'message')
  child.send(question)
  return (await answer)[0]
}

const router = await start('router', folder)
const kinds = ['ws', 'tcp', 'unix', 'json']
const groups = await Promise.all(
  kinds.map(async (kind) => ({
    kind,
    ...(await start('clients', kind, router.first.urls[kind], String(Math.floor(clients / kinds.length)))),
  })),
)
const working = groups.map(({ child, kind }) => ask(child, { kind: 'work', ms: seconds * 1000 }).then((result) => ({ kind, ...result })))

/** @type {number[]} */
const memory = []
const every = Math.max(100, (seconds * 1000) / 60)
const until = performance.now() + seconds * 1000
while (performance.now() < until) {
  await new Promise((resolve) => setTimeout(resolve, every))
  memory.push((await ask(router.child, { kind: 'memory' })).usedMiB)
}
const results = await Promise.all(working)
for (const { child } of groups) await ask(child, { kind: 'close' })
const left = await ask(router.child, { kind: 'left' })

const quarter = (/** @type {number} */ index) => {
  const part = memory
    .slice(Math.floor((memory.length * index) / 4), Math.floor((memory.length * (index + 1)) / 4))
    .toSorted((a, b) => a - b)
  return part[part.length >> 1] ?? 0
}
const [second, last] = [quarter(1), quarter(3)]
const failed = results.reduce((sum, { failures }) => sum + failures.length, 0)
const grew = last > second * 1.1 + 8
const report = {
  clients: kinds.length * Math.floor(clients / kinds.length),
  seconds,
  calls: results.reduce((sum, { calls }) => sum + calls, 0),
  events: results.reduce((sum, { events }) => sum + events, 0),
  streams: results.reduce((sum, { streams }) => sum + streams, 0),
  returns: results.reduce((sum, { returns }) => sum + returns, 0),
  failed,
  failures: results.flatMap(({ kind, failures }) => failures.slice(0, 3).map((/** @type {string} */ text) => `${kind}: ${text}`)),
  routerMiB: { secondQuarter: second, lastQuarter: last, greatest: Math.max(...memory) },
  left,
}
console.log(values.json ? JSON.stringify(report) : JSON.stringify(report, undefined, 2))
process.exit(failed > 0 || grew || left.sessions > 0 || left.pendingCalls > 0 ? 1 : 0)
