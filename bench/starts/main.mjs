// npm run bench:starts: how long a router takes to start over what earlier ones have stored, and what that costs it in memory.
//
// Kept. A store of so many receipts of calls that have succeeded, written through the router's own fold and journal. Measured: from the start of the process until it
// listens, and its resident memory then. Once after an orderly end, which leaves a snapshot, and once after `kill -9` of the process that wrote them, which leaves it all
// that was appended since the last one began.
// Queued. A store of so many calls for a service that nobody offers. Measured: until it listens; until a worker that was waiting for the router has its first
// call, from the start of the router; until it has them all; and memory a pending receipt, against a router over an empty store.
//
// Options: --kept N (1,000,000)   --queued N (100,000)   Ends with 1 when something went wrong, with 2 for a wrong option.
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connect, service } from '@waybill/client'
import { systemPorts } from '@waybill/core/system'
import { createRouter, Store } from '@waybill/server'
import { nodeDisk, openJournal } from '@waybill/server/store'

const dog = service('Dog@1.0.0', { bark: {} })

if (process.argv[2] === 'router') await serve(process.argv[3])
else if (process.argv[2] === 'writer') await write(process.argv[3], Number(process.argv[4]), process.argv[5] === 'ended')
else await main()

/** Until it is killed, or its parent lets it go: then it ends in order. */
async function write(data, count, isEnded) {
  const journal = await fill(data, count, isEnded)
  process.once('disconnect', () => journal.close())
  process.send('written')
}

async function serve(data) {
  const router = await createRouter({ listen: { port: 0 }, data })
  process.send({ url: router.url })
  process.once('disconnect', () => process.exit(0))
  process.on('message', async () => {
    await router.close()
    process.exit(0)
  })
}

async function main() {
  const { kept, queued } = readOptions()
  const folder = mkdtempSync(join(tmpdir(), 'waybill-bench-starts-'))
  try {
    await manyKept(join(folder, 'kept'), kept)
    await manyQueued(join(folder, 'queued'), join(folder, 'empty'), queued)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function manyKept(folder, count) {
  for (const how of ['orderly end', 'kill -9']) {
    const data = join(folder, how)
    await written(data, count, 'ended', how)
    const { child, tookMs } = await started(data)
    console.log(
      `${whole(count)} receipts kept, after ${how === 'kill -9' ? how : `an ${how}`}: listens after ${whole(tookMs)} ms (${whole(cpuMs(child))} of CPU), ` +
        `${mebibytes(child)} MiB resident`,
    )
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
  }
}

/** By a process of its own: what it leaves in memory must not slow down who measures. */
async function written(data, count, what, how) {
  const writer = fork(new URL(import.meta.url), ['writer', data, String(count), what])
  await new Promise((resolve) => writer.once('message', resolve))
  if (how === 'kill -9') writer.kill('SIGKILL')
  else writer.disconnect()
  await new Promise((resolve) => writer.once('exit', resolve))
}

async function manyQueued(data, empty, count) {
  const nothing = await started(empty)
  const baseMiB = mebibytes(nothing.child)
  nothing.child.kill('SIGKILL')
  await written(data, count, 'waiting', 'orderly end')
  const startMs = performance.now()
  const { child, tookMs, url } = await started(data)
  const pendingMiB = mebibytes(child)
  let first = 0
  let seen = 0
  const worker = await connect(url, { name: 'kennel' })
  const all = new Promise((resolve) => {
    void worker.expose(dog, {
      bark() {
        if (seen++ === 0) first = performance.now()
        if (seen === count) resolve(undefined)
      },
    })
  })
  await all
  const allMs = performance.now() - startMs
  console.log(
    `${whole(count)} calls queued: listens after ${whole(tookMs)} ms, first delivery ${whole(first - startMs)} ms after its start, all after ${whole(allMs)} ms; ` +
      `${pendingMiB} MiB resident, ${whole(((pendingMiB - baseMiB) * 1024 * 1024) / count)} bytes a pending receipt; ${mebibytes(child)} MiB when all were done`,
  )
  await worker.close({ drainMs: 0 })
  child.kill('SIGKILL')
}

/** As a router writes them: each stored, leased, begun and ended, or stored alone. Returns the journal. */
async function fill(data, count, isEnded) {
  const store = new Store()
  const { journal } = await openJournal(nodeDisk(data), foldOf(store), { ports: systemPorts })
  store.begin(journal)
  const lease = {
    token: '0'.repeat(32),
    client: 'kennel',
    principal: 'local',
    incarnation: '018f3c1e7a00deadbeef',
    version: '1.0.0',
    idempotent: false,
    keeps: true,
  }
  const nowMs = Date.now()
  for (let n = 1; n <= count; n++) {
    const terms = {
      sn: `${hex(nowMs, 12).slice(0, 8)}-${hex(nowMs, 12).slice(8)}-8123-8123-${hex(n, 12)}`,
      principal: 'local',
      client: 'walker',
      address: 'Dog@^1.0.0',
      service: 'Dog',
      method: 'bark',
      storedMs: nowMs,
      waitUntilMs: nowMs + 86_400_000,
      deadlineMs: nowMs + 86_400_000,
    }
    const receipt = store.add(terms, [frameOf(n)])
    receipt.frames = undefined
    if (isEnded) {
      store.leased(receipt, lease, nowMs + 1)
      store.step(receipt, 'started', nowMs + 1)
      store.ended(receipt, { state: 'succeeded', ms: nowMs + 2, isOwed: false, cause: undefined }, [
        { type: 0x23, flags: 0, encoding: 1, body: new Uint8Array([0x31]) },
      ])
      store.archive(receipt)
    }
    // As many in flight as a busy router has; more would leave the snapshot no turn.
    if (n % 1000 === 0) await new Promise((resolve) => journal.whenSafe(resolve))
  }
  await new Promise((resolve) => journal.whenSafe(resolve))
  return journal
}

/** The journal is opened with the fold of calls alone. */
function foldOf(store) {
  return {
    restore: (entry) => store.restore(entry),
    record: (kind, record, place) => store.record(kind, record, place),
    places: () => store.places(),
    entries: () => store.entries(),
    needs: (kind, record, place) => store.needs(kind, record, place),
    moved: (kind, record, to) => store.moved(kind, record, to),
  }
}

/** A call of `bark('hello')` with its names in the extension, which every router understands. */
function frameOf(number) {
  const fields = Buffer.concat([field(1, 'Dog@^1.0.0'), field(2, 'bark')])
  const body = Buffer.from('["hello"]')
  const frame = Buffer.alloc(32 + fields.length + body.length)
  frame.writeUInt32LE(frame.length, 0)
  frame[4] = 0x10
  frame[5] = 0x80
  frame.writeUInt16LE(fields.length, 6)
  frame.writeUInt32LE(number, 16)
  frame[28] = 1
  fields.copy(frame, 32)
  body.copy(frame, 32 + fields.length)
  return new Uint8Array(frame)
}

function field(tag, text) {
  const bytes = Buffer.from(text)
  const head = Buffer.from([tag, 0, bytes.length & 0xff, bytes.length >> 8])
  return Buffer.concat([head, bytes])
}

async function started(data) {
  const startMs = performance.now()
  const child = fork(new URL(import.meta.url), ['router', data])
  const { url } = await new Promise((resolve, reject) =>
    child.once('message', resolve).once('exit', () => reject(new Error('the router ended'))),
  )
  return { child, url, tookMs: performance.now() - startMs }
}

function mebibytes({ pid }) {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024)
}

/** Of all its threads, since it began; a tick is 10 ms. */
function cpuMs({ pid }) {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13)
  return (Number(user) + Number(system)) * 10
}

function hex(number, digits) {
  return number.toString(16).padStart(digits, '0').slice(-digits)
}

function whole(number) {
  return Math.round(number).toLocaleString('en')
}

function readOptions() {
  try {
    const { values } = parseArgs({ options: { kept: { type: 'string' }, queued: { type: 'string' } } })
    const number = (text, usual) => {
      const value = Number(text ?? usual)
      if (!Number.isInteger(value) || value < 1) throw new Error(`${text} is not a whole number from 1 on`)
      return value
    }
    return { kept: number(values.kept, 1_000_000), queued: number(values.queued, 100_000) }
  } catch (error) {
    console.error(`bench:starts: ${error.message}`)
    process.exit(2)
  }
}
