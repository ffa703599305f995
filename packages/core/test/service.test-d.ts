/** What must and must not compile about `service<T>()`. Checked by `tsc -b`; nothing of it ever runs. */
import * as z from 'zod'
import { functions, service, type FunctionService, type Remote, type ServiceDefinition } from '../src/index.js'

class Asleep extends Error {}

interface Dog {
  bark(phrase: string, times?: number): string
  walk(km: number): Promise<'home'>
  count(...parts: string[]): number
  name: string
}

const dog: ServiceDefinition<Dog> = service<Dog>('Dog@1.2.0', {
  bark: { args: [z.string(), z.number().optional()], returns: z.string(), idempotent: true, errors: [Asleep], timeout: '5s' },
  walk: { returns: z.literal('home') },
  count: { args: [z.string(), z.string()] },
})
void dog
void service<Dog>('Dog', {}, { labels: { region: 'eu' }, instance: 'key' })

// @ts-expect-error no such method
void service<Dog>('Dog', { brak: {} })
// @ts-expect-error not a method
void service<Dog>('Dog', { name: {} })
// @ts-expect-error no such term
void service<Dog>('Dog', { bark: { idempotant: true } })
// @ts-expect-error the parameter is a string
void service<Dog>('Dog', { bark: { args: [z.number(), z.number().optional()] } })
// @ts-expect-error the second parameter may be absent, but is no string
void service<Dog>('Dog', { bark: { args: [z.string(), z.string()] } })
// @ts-expect-error too few: nothing checks the second parameter
void service<Dog>('Dog', { bark: { args: [z.string()] } })
// @ts-expect-error too many
void service<Dog>('Dog', { walk: { args: [z.number(), z.number()] } })
// @ts-expect-error the result is a string
void service<Dog>('Dog', { bark: { returns: z.number() } })
// @ts-expect-error the promise is for 'home'
void service<Dog>('Dog', { walk: { returns: z.number() } })
// @ts-expect-error not a class of errors
void service<Dog>('Dog', { bark: { errors: [Date] } })
// @ts-expect-error no such term of the service
void service<Dog>('Dog', {}, { lables: {} })
interface Cat {
  purr(): void
}
// @ts-expect-error a dog is not a cat
const cat: ServiceDefinition<Cat> = dog
void cat

const math = { add: (a: number, b: number) => a + b, pi: 3, _secret: () => 1 }
const offered: FunctionService<typeof math> = functions('Math@1.0.0', math)
void offered
declare const remote: Remote<typeof math>
void (remote.add(1, 2) satisfies Promise<number>)
// @ts-expect-error not a function
void remote.pi
// @ts-expect-error never offered
void remote._secret
// @ts-expect-error the first is a number
void remote.add('1', 2)

void service<Dog>('Dog', { bark: { guard: ({ caller, attempt }, [phrase]) => caller.client === phrase && attempt === 1 } })
void service<Dog>('Dog', { bark: { guard: () => Promise.resolve(true), isolate: 'process' } }, { module: 'file:///dog.js' })
// @ts-expect-error a guard says yes or no
void service<Dog>('Dog', { bark: { guard: () => 'yes' } })
// @ts-expect-error no other way
void service<Dog>('Dog', { bark: { isolate: 'thread' } })
