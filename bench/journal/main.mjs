// npm run bench:journal: what the journal on a disk costs, in one process.
//
//   append    records that are appended and said to be safe, a second, so many waiting at any time; CPU of the process a record; beside it the disk
//             alone: writes of as many bytes as such a group has, each followed by fdatasync. Rounds are interleaved.
//   snapshot  how long it takes of so many entries, and the longest turn of the event loop while it is written, and for as long when nothing is
//   start     from that snapshot: with a fold that does nothing, and with one that keeps the entries in a Map
//
// Options
//   --dir D       where the store is made, a folder in the system's temporary one by default; it should be on the disk that is asked about
//   --bytes N     of a record, 200 by default
//   --entries N   1,000,000 by default
//   --rounds N    3 by default
//   --short       little of everything: whether it can be measured
//   --json        one line of JSON instead of a table
import { closeSync, fdatasync, mkdtempSync, openSync, readdirSync, rmSync, writev } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { systemPorts } from '@waybill/core/system'
import { nodeDisk, openJournal } from '@waybill/server/store'

const { values } = parseArgs({
  options: {
    dir: { type: 'string' },
    bytes: { type: 'string', default: '200' },
    entries: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const recordBytes = Number(values.bytes)
const entries = values.short ? 20_000 : Number(values.entries)
const rounds = values.short ? 1 : Number(values.rounds)
const root = mkdtempSync(join(values.dir ?? tmpdir(), 'waybill-journal-'))
const flights = [
  { inFlight: 1, records: values.short ? 50 : 2000 },
  { inFlight: 64, records: values.short ? 5000 : 200_000 },
  { inFlight: 1024, records: values.short ? 20_000 : 600_000 },
]
/** What a record takes in a segment. */
const spanBytes = recordBytes + 10

const nothing = { restore() {}, record() {}, places: () => [], entries: () => [], needs: () => false, moved() {} }

async function measured(run) {
  const cpu = process.cpuUsage()
  const startedMs = performance.now()
  await run()
  const tookMs = performance.now() - startedMs
  const { user, system } = process.cpuUsage(cpu)
  return { tookMs, cpuUs: user + system }
}

async function append({ inFlight, records }, round) {
  const { journal } = await openJournal(nodeDisk(join(root, `append-${inFlight}-${round}`)), nothing, { ports: systemPorts })
  const record = new Uint8Array(recordBytes).fill(7)
  const { tookMs, cpuUs } = await measured(
    () =>
      new Promise((resolve) => {
        let begun = 0
        let safe = 0
        const next = () => {
          if (begun === records) return
          begun++
          journal.release(journal.append(1, [record]))
          journal.whenSafe(() => (++safe === records ? resolve() : next()))
        }
        for (let one = 0; one < inFlight; one++) next()
      }),
  )
  await journal.close()
  return { perSecond: (records / tookMs) * 1000, cpuUs: cpuUs / records }
}

async function diskAlone({ inFlight, records }) {
  const descriptor = openSync(join(root, 'alone'), 'w')
  const group = Buffer.alloc(inFlight * spanBytes + 26, 7)
  const groups = Math.ceil(records / inFlight)
  const [write, sync] = [promisify(writev), promisify(fdatasync)]
  const { tookMs, cpuUs } = await measured(async () => {
    for (let one = 0; one < groups; one++) {
      await write(descriptor, [group], one * group.byteLength)
      await sync(descriptor)
    }
  })
  closeSync(descriptor)
  return { perSecond: (records / tookMs) * 1000, cpuUs: cpuUs / records }
}

/** Watches how long a turn of the event loop takes, until it is ended. */
function turns() {
  let longestMs = 0
  let isOver = false
  let lastMs = performance.now()
  const turn = () => {
    const nowMs = performance.now()
    longestMs = Math.max(longestMs, nowMs - lastMs)
    lastMs = nowMs
    if (!isOver) setImmediate(turn)
  }
  turn()
  return {
    end: () => {
      isOver = true
      return longestMs
    },
  }
}

function keeping() {
  const kept = new Map()
  return {
    ...nothing,
    kept,
    restore(entry) {
      kept.set(entry[0] | (entry[1] << 8) | (entry[2] << 16), { place: { segment: entry[3], offset: entry[4], bytes: entry[5] } })
    },
    *entries() {
      for (const number of kept.keys()) {
        const entry = new Uint8Array(100)
        entry.set([number, number >> 8, number >> 16])
        yield entry
      }
    },
  }
}

async function snapshotAndStart() {
  const folder = join(root, 'snapshot')
  const fold = keeping()
  for (let number = 0; number < entries; number++) fold.kept.set(number, {})
  const { journal } = await openJournal(nodeDisk(folder), fold, { ports: systemPorts, snapshotBytes: 1000 })
  const taken = turns()
  const snapshot = await measured(async () => {
    journal.append(1, [new Uint8Array(2000)])
    while (!readdirSync(folder).some((name) => name.endsWith('.snapshot'))) await new Promise((resolve) => setTimeout(resolve, 5))
  })
  const longestTurnMs = taken.end()
  await journal.close()
  const idle = turns()
  await new Promise((resolve) => setTimeout(resolve, snapshot.tookMs))
  const longestIdleTurnMs = idle.end()
  const start = async (into) => {
    let opened
    const { tookMs, cpuUs } = await measured(async () => (opened = await openJournal(nodeDisk(folder), into, { ports: systemPorts })))
    if (opened.report.entries !== entries) throw new Error(`${opened.report.entries} entries instead of ${entries}`)
    await opened.journal.close()
    return { tookMs, cpuMs: cpuUs / 1000 }
  }
  const starts = { alone: [], keeping: [] }
  for (let round = 0; round < rounds; round++) {
    starts.alone.push(await start(nothing))
    starts.keeping.push(await start(keeping()))
  }
  return { entries, snapshot: { tookMs: snapshot.tookMs, cpuMs: snapshot.cpuUs / 1000, longestTurnMs, longestIdleTurnMs }, starts }
}

try {
  const appends = []
  for (const flight of flights) {
    const [ours, alone] = [[], []]
    for (let round = 0; round < rounds; round++) {
      alone.push(await diskAlone(flight))
      ours.push(await append(flight, round))
    }
    appends.push({ inFlight: flight.inFlight, ours, alone })
  }
  const rest = await snapshotAndStart()
  if (values.json) console.log(JSON.stringify({ recordBytes, appends, ...rest }))
  else print(appends, rest)
} finally {
  rmSync(root, { recursive: true })
}

function print(appends, { snapshot, starts }) {
  const range = (figures, digits = 0) => {
    const sorted = figures.toSorted((one, other) => one - other)
    const shown = sorted.map((figure) => figure.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits }))
    return `${shown[sorted.length >> 1]} (${shown[0]}–${shown.at(-1)})`
  }
  const each = (from, what) => from.map((one) => one[what])
  for (const { inFlight, ours, alone } of appends) {
    const ratios = ours.map(({ perSecond }, round) => perSecond / alone[round].perSecond)
    console.log(
      `${inFlight} waiting: ${range(each(ours, 'perSecond'))} a second, ${range(each(ours, 'cpuUs'), 2)} µs of CPU a record; ` +
        `the disk alone ${range(each(alone, 'perSecond'))} a second, ${range(each(alone, 'cpuUs'), 2)} µs; ratio ${range(ratios, 2)}`,
    )
  }
  console.log(
    `snapshot of ${entries} entries: ${snapshot.tookMs.toFixed(0)} ms, ${snapshot.cpuMs.toFixed(0)} ms of CPU, longest turn ` +
      `${snapshot.longestTurnMs.toFixed(1)} ms, and ${snapshot.longestIdleTurnMs.toFixed(1)} ms when nothing is done`,
  )
  for (const name of ['alone', 'keeping'])
    console.log(`start, fold ${name}: ${range(each(starts[name], 'tookMs'))} ms, ${range(each(starts[name], 'cpuMs'))} ms of CPU`)
}
