/** One class for all that follows. Each kennel is a process with Dogs; its name is its first argument. */
import { setTimeout as wait } from 'node:timers/promises'
import { currentCall, Method, Remote } from '@waybill/decorators'

const kennel = process.argv[2] ?? 'kennel'

@Remote({ version: '1.0.0', module: import.meta.url })
export class Dog {
  readonly #name: string

  constructor(name = 'a dog') {
    this.#name = name
  }

  @Method()
  async walk(km: number, how: { readonly leash?: string } = {}): Promise<string> {
    const { progress, signal } = currentCall() // before the first await
    for (let completed = 1; completed <= km; completed++) {
      await wait(100, undefined, { signal })
      progress({ total: km, completed })
    }
    return `${this.#name} walked ${km} km${how.leash === undefined ? '' : `, ${how.leash} leash`}`
  }

  @Method()
  bark(phrase: string): string {
    console.log(`${kennel} barks ${phrase}`)
    return `${phrase}, ${JSON.stringify(currentCall().data)}`
  }

  /** Not all count alike. It may run more than once, so a caller may hedge. */
  @Method({ idempotent: true })
  async count(): Promise<number> {
    await wait(kennel === 'rex' ? 50 : 500)
    return kennel === 'zoe' ? 4 : 3
  }

  /** Whoever asks for too much is refused before it runs. */
  @Method({ guard: (_call, [bones]) => Number(bones) <= 3 })
  feed(bones: number): string {
    return `${bones} bones, thank you`
  }

  /** Never ends, and never listens: only the end of its process ends it. */
  @Method({ isolate: 'process' })
  dig(): string {
    currentCall().progress({ total: 1, completed: 0, details: process.pid })
    for (;;);
  }
}
