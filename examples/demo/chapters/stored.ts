/** The same method, not waited for: receipts, callbacks, fire and forget, prepared. */
import type { Remote } from '@waybill/client'
import type { Dog } from '../dog.js'
import { chapter, code, introduce, note, result } from '../show.js'
import { start } from '../stage.js'

export async function stored({ bark, walk }: Remote<Dog>): Promise<void> {
  await chapter('A receipt: another process fetches the result', 'const { sn } = await dog.walk.async(4)')
  const { sn } = await walk.async(4)
  note(`sn ${sn}`)
  const heard: string[] = []
  let wake = (): void => {}
  const clerk = await start('./clerk.js', { SN: sn }, (text) => {
    heard.push(text)
    wake()
  })
  const said = async (): Promise<string> => {
    if (heard.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    return heard.shift()!
  }
  introduce('clerk', clerk.child.pid, clerk.text)
  code('await client.receipt<string>(sn).result() // there')
  result(await said())

  await chapter('A callback: somebody else is told', "await dog.walk.callback({ replyto: 'clerk' }, 2)")
  await walk.callback({ replyto: 'clerk' }, 2)
  result(`the clerk heard: ${await said()}`)

  await chapter('Fire and forget; and a call that is prepared first', "await dog.bark.send('at the moon')")
  await bark.send('at the moon')
  note('nobody answers, and nobody waits')
  code("const call = dog.bark.prepare('later') // has its sn", 'await call.fire()')
  result(await bark.prepare('later').fire())
}
