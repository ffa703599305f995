// npm run bench:durable: how many stored calls a second a router acknowledges that has made them safe, beside JetStream.
//
// What is measured. Publisher and server as two processes over loopback, so many in flight. Waybill: `.async` to a service that nobody offers; the promise
// resolves when the router has made the record safe (one fdatasync a group). JetStream: `publish` to a file stream, acknowledged; what it acknowledges it syncs
// within two minutes, so its promise is a weaker one (the option to sync always is of later versions than Debian's). Both write the same 22 bytes.
//
// How. Each contender's server is started once on an empty folder and warmed up; in each round each runs once, alone, in an order that rotates. CPU is the user
// and system time of both processes divided by the acknowledged ones. Ratios are made within a round.
//
// With --calls: synchronous calls to a worker, at a router with a journal and at one without, which must not differ: none of them is stored. Worker and caller are two
// clients of the publisher's process.
//
// Options: --rounds N (5)   --ms N (2000)   --in-flight a,b (1,64,1024)   --short: one short round, for a test   --calls
// Needs nats-server in the PATH; without it Waybill is measured alone, and says so. Ends with 1 when a contender failed, with 2 for a wrong option.
import { fork, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connect, service } from '@waybill/client'
import { createRouter } from '@waybill/server'
import { connect as natsConnect, StorageType } from 'nats'

const PAYLOAD = 'hello there my friend'
const TICKS_PER_SECOND = 100

if (process.argv[2] === 'router') await serve()
else await main()

async function serve() {
  // Nobody takes any of them, so what is stored grows for as long as this runs.
  const limits = { maxReceipts: 10_000_000, maxReceiptBytes: 8 * 1024 ** 3 }
  const router = await createRouter({ listen: { port: 0 }, limits, ...(process.argv[3] !== '' && { data: process.argv[3] }) })
  process.send(router.url)
  process.once('disconnect', () => process.exit(0))
}

async function main() {
  const { rounds, ms, inFlight, calls } = readOptions()
  const folder = mkdtempSync(join(tmpdir(), 'waybill-bench-durable-'))
  const contenders = []
  try {
    if (calls) contenders.push(await called('with a journal', join(folder, 'store')), await called('without one', ''))
    else contenders.push(await waybill('waybill, synced', join(folder, 'store')), await waybill('waybill, in memory', ''))
    if (calls) console.log('Synchronous calls: none is stored.')
    else if (await hasNats()) {
      contenders.push(await nats('JetStream, not synced', join(folder, 'jetstream')))
    } else console.log('There is no nats-server: Waybill is measured alone.')
    for (const count of inFlight) await cell(contenders, count, rounds, ms)
  } catch (error) {
    console.error(`bench:durable: ${error.message}`)
    process.exitCode = 1
  } finally {
    // One that cannot be told goodbye is ended all the same.
    await Promise.all(contenders.map(({ stop }) => Promise.race([stop(), new Promise((resolve) => setTimeout(resolve, 2000))])))
    rmSync(folder, { recursive: true, force: true })
  }
}

/** All rounds of one count in flight, and what they came to. */
async function cell(contenders, count, rounds, ms) {
  for (const { once } of contenders) await load(once, count, Math.min(ms, 500))
  const results = contenders.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (let step = 0; step < contenders.length; step++) {
      const at = (round + step) % contenders.length
      const { once, pid } = contenders[at]
      const before = cpuMs(pid) + own()
      const { done, seconds, waits } = await load(once, count, ms)
      const cpu = ((cpuMs(pid) + own() - before) * 1000) / done
      results[at].push({ rate: done / seconds, cpu, p50: waits[Math.floor(waits.length / 2)], p99: waits[Math.floor(waits.length * 0.99)] })
    }
  }
  console.log(`\n${count} in flight`)
  for (const [at, { name }] of contenders.entries()) {
    const of = (key) => results[at].map((one) => one[key])
    const ratio = results[at].map((one, round) => results[0][round].rate / one.rate)
    const cost = results[at].map((one, round) => results[0][round].cpu / one.cpu)
    console.log(
      `  ${name.padEnd(24)} ${whole(median(of('rate'))).padStart(9)} a second, ${median(of('cpu')).toFixed(1).padStart(6)} us of CPU, p50 ${median(of('p50')).toFixed(2)} ms, p99 ${median(of('p99')).toFixed(2)} ms` +
        (at === 0 ? '' : `; ${contenders[0].name}: ${spread(ratio)} x as many, ${spread(cost)} x the CPU`),
    )
  }
}

async function load(once, count, ms) {
  const waits = []
  const startMs = performance.now()
  const untilMs = startMs + ms
  let done = 0
  const loop = async () => {
    for (let now = performance.now(); now < untilMs;) {
      await once()
      const next = performance.now()
      waits.push(next - now)
      now = next
      done++
    }
  }
  await Promise.all(Array.from({ length: count }, loop))
  waits.sort((left, right) => left - right)
  return { done, seconds: (performance.now() - startMs) / 1000, waits }
}

async function started(data) {
  const child = fork(new URL(import.meta.url), ['router', data])
  const url = await new Promise((resolve, reject) =>
    child.once('message', resolve).once('exit', () => reject(new Error('the router ended'))),
  )
  return { child, url }
}

async function called(name, data) {
  const { child, url } = await started(data)
  const [caller, worker] = await Promise.all([connect(url), connect(url)])
  const echo = service('Echo@1.0.0', { say: {} })
  await worker.expose(echo, { say: (phrase) => phrase })
  const { say } = caller.remote(echo)
  const stop = async () => {
    await Promise.all([caller, worker].map((client) => client.close({ drainMs: 0 })))
    child.kill()
  }
  return { name, pid: child.pid, once: () => say(PAYLOAD), stop }
}

async function waybill(name, data) {
  const { child, url } = await started(data)
  const client = await connect(url)
  const { walk } = client.remote('Nobody', { ttl: '1h' })
  const stop = async () => {
    await client.close({ drainMs: 0 })
    child.kill()
  }
  return { name, pid: child.pid, once: () => walk.async(PAYLOAD), stop }
}

async function nats(name, folder) {
  const port = await freePort()
  const file = `${folder}.conf`
  writeFileSync(file, `host: 127.0.0.1\nport: ${port}\njetstream { store_dir: ${JSON.stringify(folder)} }\n`)
  const child = spawn('nats-server', ['-c', file], { stdio: 'ignore' })
  const connection = await reached(port)
  const manager = await connection.jetstreamManager()
  await manager.streams.add({ name: 'calls', subjects: ['calls'], storage: StorageType.File })
  const publisher = connection.jetstream()
  const payload = Buffer.from(PAYLOAD)
  const stop = async () => {
    await connection.close()
    child.kill()
  }
  return { name, pid: child.pid, once: () => publisher.publish('calls', payload), stop }
}

/** The server needs a moment. */
async function reached(port) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await natsConnect({ servers: `127.0.0.1:${port}`, timeout: 1000 })
    } catch (error) {
      if (attempt === 50) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

function hasNats() {
  return new Promise((resolve) =>
    spawn('nats-server', ['-v'], { stdio: 'ignore' })
      .once('error', () => resolve(false))
      .once('exit', (code) => resolve(code === 0)),
  )
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND
}

function own() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function median(numbers) {
  return numbers.toSorted((left, right) => left - right)[Math.floor(numbers.length / 2)]
}

function spread(numbers) {
  return `${median(numbers).toFixed(2)} (${Math.min(...numbers).toFixed(2)}-${Math.max(...numbers).toFixed(2)})`
}

function whole(number) {
  return Math.round(number).toLocaleString('en')
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string' },
        ms: { type: 'string' },
        'in-flight': { type: 'string' },
        short: { type: 'boolean' },
        calls: { type: 'boolean' },
      },
    })
    const number = (text, usual) => {
      const value = Number(text ?? usual)
      if (!Number.isInteger(value) || value < 1) throw new Error(`${text} is not a whole number from 1 on`)
      return value
    }
    return {
      calls: values.calls === true,
      rounds: number(values.rounds, values.short ? 1 : 5),
      ms: number(values.ms, values.short ? 200 : 2000),
      inFlight: (values['in-flight'] ?? (values.short ? '16' : '1,64,1024')).split(',').map((text) => number(text)),
    }
  } catch (error) {
    console.error(`bench:durable: ${error.message}`)
    process.exit(2)
  }
}
