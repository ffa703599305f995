/**
 * Runs the whole suite again and again and counts: `npm run repeat -- 20`. A test that fails once is a flake, and is named. Ends with 1 when
 * there was one, with 2 for a number that is none.
 */
import { spawn } from 'node:child_process'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const report = `${root}.tmp/repeat.json`
const runs = Number(process.argv[2] ?? 20)
if (!Number.isInteger(runs) || runs < 1) {
  console.error(`${process.argv[2]} is not a number of runs: npm run repeat -- 20`)
  process.exit(2)
}

await mkdir(`${root}.tmp`, { recursive: true })
let flawed = 0
for (let run = 1; run <= runs; run++) {
  await rm(report, { force: true })
  const started = performance.now()
  const code = await suite()
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  const { passed, failures } = await outcome()
  if (code !== 0 || failures.length > 0 || passed === 0) flawed++
  console.log(
    `run ${run} of ${runs}: ${passed} passed, ${failures.length} failed, ${seconds} s${failures.map((name) => `\n  ${name}`).join('')}`,
  )
}
console.log(`${runs} runs, ${flawed} with a failure`)
process.exit(flawed === 0 ? 0 : 1)

function suite() {
  const args = ['vitest', 'run', '--reporter=json', `--outputFile.json=${report}`]
  return new Promise((resolve) => spawn('npx', args, { cwd: root, stdio: 'ignore' }).on('exit', resolve))
}

async function outcome() {
  try {
    const { numPassedTests: passed, testResults } = JSON.parse(await readFile(report, 'utf8'))
    const failed = testResults.flatMap(({ assertionResults }) => assertionResults).filter(({ status }) => status === 'failed')
    return { passed, failures: failed.map(({ fullName, failureMessages }) => `${fullName}\n    ${firstLines(failureMessages[0])}`) }
  } catch {
    return { passed: 0, failures: [] }
  }
}

/** Enough to tell one cause from another. */
function firstLines(text = '') {
  return text.split('\n').slice(0, 3).join('\n    ').slice(0, 600)
}
