/** In and out in one call: what is handed over comes back changed, and nobody runs far ahead of a reader who takes his time. */
import { connect } from '@waybill/client'
import type { Kennel } from './photos.js'

await using client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411')
const kennel = client.remote<Kennel>('Kennel@^1')

async function* words(): AsyncGenerator<string> {
  yield* ['wuff', 'wau', 'ruff']
}
for await (const bark of kennel.barks(words())) console.log(bark)

// Endless in: the method has enough when we have.
let made = 0
let ended = false
function* endless(): Generator<string> {
  try {
    for (;;) yield `word ${made++}`
  } finally {
    ended = true
  }
}
for await (const bark of kennel.barks(asynchronous(endless()))) {
  console.log(bark)
  if (bark === 'WORD 2!') break
}
while (!ended) await new Promise((resolve) => setTimeout(resolve, 10))
console.log(`made ${made < 2000 ? 'few' : 'many'} more than were read, and its finally has run`)

// What cannot be: a stream lives as long as its call, so none is stored or sent one way.
for (const [how, call] of [
  ['async', () => kennel.barks.async(words())],
  ['send', () => kennel.barks.send(words())],
] as const) {
  const code = await call().then(
    () => 'nothing',
    (error: { code: string; executed: string }) => `${error.code}, executed: ${error.executed}`,
  )
  console.log(`${how}: ${code}`)
}

async function* asynchronous<T>(values: Iterable<T>): AsyncGenerator<T> {
  yield* values
}
