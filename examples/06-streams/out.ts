/** Streams out: iterate the call, or await it and read what it gives. */
import { connect } from '@waybill/client'
import { Bar } from './bar.js'
import type { Kennel } from './photos.js'

await using client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411')
const kennel = client.remote<Kennel>('Kennel@^1')

// Every item; what the generator returned comes last, and is not one.
const bar = new Bar('smells', 40)
const smells = await kennel.smells(40)
let smelled = 0
for (;;) {
  const { done, value } = await smells.next()
  if (done === true) {
    console.log(`${smelled} smells, and then: ${value}`)
    break
  }
  bar.show(++smelled)
}

// Enough: the generator over there ends, however much it had left.
for await (const smell of kennel.smells(1_000_000)) {
  console.log(smell)
  if (smell === 'smell 3') break
}

// Items first, then what was thrown behind them.
try {
  for await (const item of kennel.tires()) console.log(item)
} catch (error) {
  console.log(`then: ${(error as Error).message}`)
}

// A cancel is told to both sides.
const call = kennel.smells(1_000_000)
const stream = await call
await stream.next()
await call.cancel()
try {
  for await (const _smell of stream);
} catch (error) {
  console.log(`cancelled: ${(error as { code?: string }).code}`)
}
