// npm run bench:parcel: one large parcel over HTTP, to a receiver that is slow, and a large answer back. What does it cost the router's memory?
//
// The router is a process of its own, over a folder of its own; sender and receiver are this one. The parcel is sent in pieces of 256 KiB, as fast as the router takes them; its receiver pauses for 100 ms after each 32 MiB.
// The router's resident memory is looked at every 50 ms. What arrives is compared with what was sent.
//
// Options: --mib N (1024)   Ends with 1 where the bytes are not the same, with 2 for a wrong option.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { get, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const MIB = 1024 * 1024
const PIECE = 256 * 1024
const PAUSE_EVERY = 32 * MIB
const cli = fileURLToPath(new URL('../packages/cli/bin/waybill.js', import.meta.url))

const { values } = parseArgs({ options: { mib: { type: 'string', default: '1024' } } })
const mib = Number(values.mib)
if (!Number.isInteger(mib) || mib < 1) {
  console.error(`--mib is ${values.mib}, which is not a number of MiB`)
  process.exit(2)
}

const folder = mkdtempSync(join(tmpdir(), 'waybill-bench-parcel-'))
const router = spawn(process.execPath, [cli, 'start', '--json', '--port', '0', '--data', folder], { stdio: ['ignore', 'pipe', 'inherit'] })
process.once('exit', () => {
  router.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})
const [line] = await once(router.stdout, 'data')
const base = JSON.parse(line).url.replace(/^ws/, 'http')

await fetch(`${base}/register`, { method: 'POST', body: '{"name":"dog"}' })
const before = residentMiB()
const sent = await measured(() => send('/dispatch/dog'))
let postback = ''
const received = await measured(async () => {
  const response = await answered(get(`${base}/receive?name=dog&lease=3600`))
  postback = new URL(response.headers['waybill-postback']).pathname
  return digestOf(response)
})
const replied = await measured(() => send(postback))
console.log(`a parcel of ${mib} MiB, and an answer of as much; the router had ${before} MiB before`)
for (const [what, { seconds, peakMiB }] of Object.entries({ sent, received, replied }))
  console.log(`  ${what.padEnd(9)} ${seconds} s, router at most ${peakMiB} MiB`)
if (received.result !== sent.result) {
  console.error('what arrived is not what was sent')
  process.exitCode = 1
}
router.kill('SIGTERM')

/** @template T @param {() => Promise<T>} work */
async function measured(work) {
  let peakMiB = 0
  const timer = setInterval(() => (peakMiB = Math.max(peakMiB, residentMiB())), 50)
  const startMs = performance.now()
  const result = await work()
  clearInterval(timer)
  return { result, seconds: ((performance.now() - startMs) / 1000).toFixed(1), peakMiB: Math.max(peakMiB, residentMiB()) }
}

/** Resolves to the digest of what was sent, once that is acknowledged. @param {string} path */
async function send(path) {
  const hash = createHash('sha256')
  const outgoing = request(`${base}${path}`, { method: 'POST', headers: { 'content-type': 'application/x-bench' } })
  const response = answered(outgoing)
  await pipeline(Readable.from(pieces(hash)), outgoing)
  const { statusCode } = await response
  if (statusCode !== 200) throw new Error(`${path} was answered ${statusCode}`)
  return hash.digest('hex')
}

/** No two of them are the same. @param {import('node:crypto').Hash} hash */
function* pieces(hash) {
  for (let at = 0; at < mib * MIB; at += PIECE) {
    const piece = Buffer.alloc(PIECE, at / PIECE)
    piece.writeUInt32LE(at / PIECE, 0)
    hash.update(piece)
    yield piece
  }
}

/** @param {AsyncIterable<Buffer>} response */
async function digestOf(response) {
  const hash = createHash('sha256')
  let size = 0
  for await (const piece of response) {
    hash.update(piece)
    if (Math.floor((size += piece.byteLength) / PAUSE_EVERY) > Math.floor((size - piece.byteLength) / PAUSE_EVERY)) await pause(100)
  }
  return hash.digest('hex')
}

/** @param {import('node:http').ClientRequest} outgoing @returns {Promise<import('node:http').IncomingMessage>} */
async function answered(outgoing) {
  const [response] = await once(outgoing, 'response')
  return response
}

function residentMiB() {
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${router.pid}/status`, 'utf8'))[1]) / 1024)
}
