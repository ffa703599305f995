/** The caller: tells the story. It knows the Dog's type and name; the kennel's code and place are nowhere in this file. */
import { setTimeout as wait } from 'node:timers/promises'
import { connect, WaybillError } from '@waybill/client'
import { Asleep } from './asleep.js'
import type { Dog } from './dog.js'
import { bar, chapter, failure, note, pause, result } from './show.js'
import { endWithParent, hearParent, tellParent } from './stage.js'

endWithParent()
const client = await connect(process.env['WAYBILL_URL']!, { name: 'walker' })
const dog = client.remote<Dog>('Dog@^1')
tellParent({ kind: 'ready', text: 'knows what a Dog can do, not where one is' })
await hearParent()

chapter(1, 'A typed call to another process', "const dog = client.remote<Dog>('Dog@^1')", "await dog.bark('hello')")
result(await dog.bark('hello'))

await pause()
chapter(2, 'Progress, while the method runs', "dog.walk(8).on('progress', draw)")
result(await dog.walk(8).on('progress', ({ total, completed, details }) => bar(total, completed, details)))

await pause()
chapter(3, 'An exception arrives as its own class, with its state', "await dog.fetch('stick')")
const asleep = await failureOf(dog.fetch('stick'))
if (!(asleep instanceof Asleep)) throw asleep
failure(`Asleep: ${asleep.message}`)
note(`error instanceof Asleep, error.dream === '${asleep.dream}'`)

await pause()
chapter(4, 'What cannot be done is refused before anything runs')
// The compiler refuses both of these too. Here somebody got around it.
const careless = dog as unknown as { fly(): Promise<void>; bark(phrase: number): Promise<string> }
tell('dog.fly()', await failureOf(careless.fly()))
tell('dog.bark(42)', await failureOf(careless.bark(42)))

await pause()
chapter(5, 'The worker is killed in the middle of a call', 'await dog.walk(100)')
const lost = failureOf(dog.walk(100))
await wait(400)
tellParent({ kind: 'kill' })
await hearParent()
const killedAt = performance.now()
tell(`${Math.round(await since(killedAt, lost))} ms later`, await lost)
note('Every error says whether the call ran: no, maybe or yes.')

await pause()
chapter(6, 'Another worker takes its place; the caller changes nothing', "await dog.bark('again')")
tellParent({ kind: 'replace' })
note(await hearParent())
result(await dog.bark('again'))

await client.close()
process.disconnect()

/** Why a call failed; that it did not would be the failure here. */
async function failureOf(call: PromiseLike<unknown>): Promise<unknown> {
  try {
    await call
  } catch (thrown) {
    return thrown
  }
  throw new Error('this call should have failed')
}

async function since(fromMs: number, done: Promise<unknown>): Promise<number> {
  await done
  return performance.now() - fromMs
}

function tell(what: string, error: unknown): void {
  if (!(error instanceof WaybillError)) throw error
  failure(`${what}  ${error.code}, executed: ${error.executed}`)
  note(`  ${error.message}${issueOf(error.details)}`)
}

/** What the contract said of the arguments. */
function issueOf(details: unknown): string {
  const { issues } = (details ?? {}) as { issues?: readonly { message: string }[] }
  return issues?.[0] === undefined ? '' : `: ${issues[0].message}`
}
