// npm run bench: what a call costs with Waybill, beside what it must cost and beside what one would write without it.
//
// What is measured. A caller, a router (relay) and a worker run as three processes and make small calls, `echo(phrase)` with some twenty
// characters there and back. A contender is a way to do that; each has the same three roles in `contenders/<name>/`:
//
//   raw-relay     `ws`, one JSON text message a call; the relay parses it, looks at `to` and passes it on. What a person writes by hand.
//   bare-frames   our frames and our batching with nothing on top: no session, acknowledgement, credit, schema, deadline or registry.
//                 The floor for this design in Node.
//   waybill       the framework with its defaults: resumable sessions, credits, a schema on the argument.
//
// A cell is a shape of load: how many calls are in flight, over how many connections of callers and callees (`cells.mjs`). All
// connections of a role live in its one process.
//
// A cell of events has subscribers instead of callees: all in the worker's process but one, which is the caller's own. Calls are deliveries there.
// A one-way cell has calls that nobody answers.
// bare-frames, which knows small calls only, is not in them, and not in those with large bodies.
//
// How. In each cell every contender's processes are started once and warmed up. Then come the rounds: in each round each contender
// runs once, alone, in an order that rotates. A run lasts a fixed time and then waits for all calls in flight. CPU is what
// `process.cpuUsage()` grew by in all three processes, collector threads included, divided by the calls. Latency is taken in the
// caller, of every call with few in flight and of each eighth with 64 or more. A call's answer is compared with what was sent.
//
// How to read it. Ratios are made within a round and the median of the rounds is shown with the least and the greatest. Absolute figures
// belong to the machine; ratios travel better. The floors stand in cells.mjs.
//
// Options
//   --rounds N       5 by default
//   --cells a,b      only these cells (1, 64, 1024, 64x8, 512x64, 64c, b16k, b1m, o64, o1024, e100x1, e100, e1000)
//   --only a,b       only these contenders       --without a,b   not these
//   --transport a,b  also waybill over these, tcp and unix, beside itself over WebSockets
//   --ms N           length of a run, 1500 by default
//   --short          one short round of some cells, for a test: it shows that all of it works, not how fast it is
//   --json FILE      the raw figures of every round
//   --profile DIR    a V8 CPU profile of every process; read them with `node bench/profile.mjs DIR`
//   --strict         a missed floor is a failure
//
// Ends with 1 when a contender failed, with 2 when an option is wrong.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { cells, shortCells } from './cells.mjs'
import { Contest } from './contest.mjs'
import { figuresTable, ratiosTable, spreadLines } from './table.mjs'

const CONTENDERS = ['raw-relay', 'bare-frames', 'waybill']
const TRANSPORTS = ['tcp', 'unix']
const PAIRS = /** @type {[string, string][]} */ ([
  ['waybill', 'raw-relay'],
  ['waybill', 'bare-frames'],
  ['bare-frames', 'raw-relay'],
  ...TRANSPORTS.map((transport) => [`waybill:${transport}`, 'waybill']),
])

const options = readOptions()
/** The contests at work, to be ended when we are told to stop. @type {Set<Contest>} */
const running = new Set()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop(130))
setTimeout(() => stop(1, 'bench: took too long'), options.limitMs).unref()

const { results, failures } = await measure()
if (options.json)
  writeFileSync(
    options.json,
    `${JSON.stringify({ node: process.version, at: new Date().toISOString(), pace: options.pace, results, failures }, null, 2)}\n`,
  )

const ratios = ratiosTable(results, PAIRS)
const parts = [
  figuresTable(results),
  ratios.text,
  spreadLines(results).join('\n'),
  `${options.rounds} round(s). CPU: user and system time of caller, relay and worker. Figures are medians of the rounds. Ratios are first to
second, except "less": second to first; median of the ratios within a round (least–greatest).`,
  failures.join('\n'),
]
console.log(`\n${parts.filter((part) => part !== '').join('\n\n')}`)
process.exitCode = failures.length > 0 || (options.strict && ratios.missed > 0) ? 1 : 0

async function measure() {
  const results = []
  const failures = []
  for (const cell of options.cells) {
    /** @type {Contest[]} */
    const contests = []
    const contenders = options.contenders.filter(
      (name) => (cell.subscribers === 0 && !cell.oneWay && cell.bodyBytes === 0) || name !== 'bare-frames',
    )
    const rounds = Object.fromEntries(contenders.map((name) => [name, []]))
    const fail = async (contest, round, error) => {
      failures.push(`${contest.contender}, ${cell.says}, ${round}: ${error.message}`)
      contests.splice(contests.indexOf(contest), 1)
      await end(contest)
    }
    for (const name of contenders) {
      progress(`${cell.says}: ${name} warms up`)
      const contest = new Contest(name, cell, options.pace)
      running.add(contest)
      contests.push(contest)
      await contest.start().catch((error) => fail(contest, 'start', error))
    }
    for (let round = 0; round < options.rounds; round++) {
      const order = contests.map((_, index) => contests[(index + round) % contests.length])
      for (const contest of order) {
        progress(`${cell.says}: round ${round + 1}, ${contest.contender}`)
        await contest.round().then(
          (figures) => (rounds[contest.contender][round] = figures),
          (error) => fail(contest, `round ${round + 1}`, error),
        )
      }
    }
    await Promise.all(contests.map(end))
    results.push({ cell, rounds })
  }
  progress('')
  return { results, failures }
}

async function end(contest) {
  await contest.end()
  running.delete(contest)
}

async function stop(code, why) {
  if (why) console.error(why)
  await Promise.all(Array.from(running, end))
  process.exit(code)
}

function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string' },
        cells: { type: 'string' },
        only: { type: 'string' },
        without: { type: 'string' },
        transport: { type: 'string' },
        ms: { type: 'string' },
        short: { type: 'boolean', default: false },
        json: { type: 'string' },
        profile: { type: 'string' },
        strict: { type: 'boolean', default: false },
      },
    })
    const { short, json, profile, strict } = values
    const contenders = chosen(values.only, CONTENDERS, CONTENDERS)
    const left = chosen(values.without, CONTENDERS, [])
    const names = cells.map((cell) => cell.name)
    const wanted = chosen(values.cells, names, short ? shortCells : names)
    const runMs = positive(values.ms, short ? 120 : 1500)
    const warm = short ? { warmMs: 150, warmMinMs: 50, warmCalls: 1000 } : { warmMs: 1000, warmMinMs: 300, warmCalls: 20_000 }
    const rounds = positive(values.rounds, short ? 1 : 5)
    const over = chosen(values.transport, TRANSPORTS, []).map((transport) => `waybill:${transport}`)
    const entered = [...contenders.filter((name) => !left.includes(name)), ...over]
    // Twice what it takes on an idle machine, and a minute.
    const limitMs = short ? 110_000 : 60_000 + wanted.length * entered.length * (4_000 + rounds * runMs * 2)
    return {
      rounds,
      cells: cells.filter((cell) => wanted.includes(cell.name)),
      contenders: entered,
      pace: { runMs, ...warm, answerMs: 20_000, lifetimeMs: limitMs, profile },
      limitMs,
      json,
      strict,
    }
  } catch (error) {
    console.error(`bench: ${error.message}`)
    return process.exit(2)
  }
}

function chosen(text, known, otherwise) {
  if (text === undefined) return otherwise
  const names = text.split(',').filter((name) => name !== '')
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`no such name as ${unknown}: ${known.join(', ')}`)
  return names
}

function positive(text, otherwise) {
  const number = text === undefined ? otherwise : Number(text)
  if (!Number.isInteger(number) || number < 1) throw new Error(`not a whole number above 0: ${text}`)
  return number
}
