/** A call, its progress, its exception, and what is refused. */
import type { Remote } from '@waybill/client'
import { Asleep } from '../asleep.js'
import type { Dog } from '../dog.js'
import { bar, chapter, failure, note, result } from '../show.js'
import { failureOf, tellOf } from './failing.js'

export async function calls(dog: Remote<Dog>): Promise<void> {
  await chapter('A typed call to another process', "const dog = client.remote<Dog>('Dog@^1')", "await dog.bark('hello')")
  result(await dog.bark('hello'))

  await chapter('Progress, while the method runs', "await dog.walk(8).on('progress', draw)")
  result(await dog.walk(8).on('progress', ({ total, completed, details }) => bar(total, completed, details)))

  await chapter('An exception arrives as its own class, with its state', "await dog.fetch('stick')")
  const asleep = await failureOf(dog.fetch('stick'))
  if (!(asleep instanceof Asleep)) throw asleep
  failure(`Asleep: ${asleep.message}`)
  note(`error instanceof Asleep, error.dream === '${asleep.dream}'`)

  await chapter('What cannot be done is refused before anything runs')
  // The compiler refuses both of these too. Here somebody got around it.
  const careless = dog as unknown as { fly(): Promise<void>; bark(phrase: number): Promise<string> }
  tellOf('dog.fly()', await failureOf(careless.fly()))
  tellOf('dog.bark(42)', await failureOf(careless.bark(42)))
}
