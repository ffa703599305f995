/** What must and must not compile about `Remote<T>`. Checked by `tsc -b`; nothing of it ever runs. */
import { RemoteObject } from '../src/index.js'
import type { Call, Exceptional, Fan, Gathered, Modes, Prepared, Receipt, Remote, RemoteMethod, StreamCall } from '../src/index.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <_ extends true>(): void => {}
const never = (value: never): never => value

class Cat extends RemoteObject {
  purr(): string {
    return 'purr'
  }
}

class Animal {
  sleep(): number {
    return 1
  }
}

class Dog extends Animal {
  static create(): Dog {
    return new Dog()
  }
  field = (): number => 1
  data = 1
  #secret(): void {}
  private hidden(): void {}
  protected guarded(): void {}
  _internal(): void {
    this.#secret()
    this.hidden()
  }
  get kind(): string {
    return 'dog'
  }
  toJSON(): object {
    return {}
  }
  // oxlint-disable-next-line unicorn/no-thenable
  then(): void {}

  bark(phrase: string): string {
    return phrase
  }
  async walk(km: number): Promise<'home'> {
    await Promise.resolve(km)
    return 'home'
  }
  twice(): Promise<Promise<number>> {
    return never(0 as never)
  }
  optional(a: string, b?: number, ...rest: boolean[]): string {
    return a + String(b) + String(rest)
  }
  over(a: string): string
  over(a: number): number
  over(a: string | number): string | number {
    return a
  }
  async same<T>(value: T): Promise<T> {
    return value
  }
  async pick<T, K extends keyof T>(value: T, key: K): Promise<T[K]> {
    return value[key]
  }
  gen<T>(value: T): T {
    return value
  }
  async *smells(): AsyncGenerator<string, number> {
    yield 'cat'
    return 1
  }
  *steps(): Generator<number, string> {
    yield 1
    return 'x'
  }
  readable(): ReadableStream<Uint8Array> {
    return never(0 as never)
  }
  cat(): Cat {
    return new Cat()
  }
  maybeCat(): Cat | undefined {
    return undefined
  }
  meet(cat: Cat): void {
    never(cat as never)
  }
  meetRemote(cat: Remote<Cat>): void {
    never(cat as never)
  }
  train(step: (percent: number) => void): void {
    step(1)
  }
  trainAsync(step: (percent: number) => Promise<boolean>): void {
    void step(1)
  }
  fail(): never {
    throw new Error()
  }
  anything(): any {}
  something(): unknown {
    return 1
  }
  nothing(): void {}
  either(): 'a' | 'b' | undefined {
    return undefined
  }
  self(): this {
    return this
  }
  with(x: number): number {
    return x
  }
  call(x: number): number {
    return x
  }
  catch(): number {
    return 1
  }
}

declare const dog: Remote<Dog>
declare const remoteCat: Remote<Cat>

// 1. The call's type; no promise twice.
same<Equal<ReturnType<typeof dog.bark>, Call<string>>>()
same<Equal<ReturnType<typeof dog.walk>, Call<'home'>>>()
same<Equal<ReturnType<typeof dog.twice>, Call<number>>>()
same<Equal<Awaited<ReturnType<typeof dog.walk>>, 'home'>>()
const asPromise: Promise<string> = dog.bark('x')
void asPromise

// 2. Wrong names and arguments.
// @ts-expect-error no such method
void dog.brak('x')
// @ts-expect-error wrong argument
void dog.bark(1)
// @ts-expect-error missing argument
void dog.bark()
// @ts-expect-error one argument too many
void dog.bark('x', 'y')
// @ts-expect-error the same in another mode
void dog.bark.async(1)
// @ts-expect-error options are not arguments
void dog.bark('x', { timeout: 1 })

// 3. What is absent. A function-valued field cannot be told from a method by types; it is refused at run time.
type Names = Extract<keyof Remote<Dog>, string>
same<Equal<Extract<Names, 'hidden' | 'guarded' | 'create' | '_internal' | 'data' | 'kind' | 'then' | 'toJSON' | 'constructor'>, never>>()
same<Equal<Extract<Names, 'field' | 'bark' | 'sleep'>, 'field' | 'bark' | 'sleep'>>()

// 4. Parameters keep their names, optionality and rest.
same<Equal<Parameters<typeof dog.bark>, [phrase: string]>>()
same<Equal<Parameters<typeof dog.optional>, [a: string, b?: number | undefined, ...rest: boolean[]]>>()

// 5. The other semantics.
same<Equal<ReturnType<typeof dog.walk.async>, Promise<Receipt<'home'>>>>()
same<Equal<ReturnType<typeof dog.walk.send>, Promise<{ readonly sn: string }>>>()
same<Equal<ReturnType<typeof dog.bark.all>, Fan<string>>>()
same<Equal<ReturnType<typeof dog.bark.prepare>, Prepared<string>>>()
same<Equal<ReturnType<Prepared<string>['fire']>, Call<string>>>()
same<Equal<Prepared<string>['sn'], string>>()
same<Equal<Awaited<Fan<string>>, Gathered<string>>>()
same<Equal<ReturnType<typeof dog.walk.all>, Fan<'home'>>>()
same<Equal<Gathered<number>['results'], ReadonlyMap<string, number>>>()
same<Equal<Gathered<number>['missing'], readonly string[]>>()
async function fans(): Promise<void> {
  const fan = dog.over.with({ first: true }).all(1)
  const sn: string = fan.sn
  for await (const answer of fan) {
    const from: string = answer.from
    if (answer.kind === 'result') same<Equal<typeof answer.value, number>>()
    else same<Equal<typeof answer.error, Error & Exceptional>>()
    void from
  }
  for await (const event of fan.status()) if (event.kind === 'progress') void (event.from satisfies string, event.total satisfies number)
  void fan
    .on('progress', (progress, from) => void [progress.completed satisfies number, from satisfies string])
    .on('result', (value) => same<Equal<typeof value, number>>())
  // @ts-expect-error no such event
  void fan.on('missing', () => {})
  // @ts-expect-error a group is no call: it is stored by nobody
  void fan.receipt
  // @ts-expect-error the arguments are checked as for one call
  void dog.bark.all(1)
  await fan.cancel('enough')
  void sn
}
void fans
same<Equal<Awaited<Call<string>['receipt']>, Receipt<string>>>()
same<Equal<ReturnType<Receipt<string>['result']>, Promise<string>>>()

// 6. Listeners are closed and typed.
void dog.bark.callback({ result: (value) => value.toUpperCase(), exception: (error) => error.executed, progress: (p) => p.total }, 'x')
void dog.bark.callback({ replyto: 'kennel' }, 'x')
void dog.bark.callback((event, receipt) => (event.kind === 'result' ? event.value.length : receipt.sn), 'x')
// @ts-expect-error misspelt event
void dog.bark.callback({ progres() {} }, 'x')
// @ts-expect-error the value is a string
void dog.bark.callback({ result: (value: number) => value }, 'x')
void dog.bark('x').on('result', (value) => same<Equal<typeof value, string>>())
void dog.bark('x').on('exception', (error) => same<Equal<typeof error, Error & Exceptional>>())
// @ts-expect-error misspelt event
void dog.bark('x').on('progres', () => {})

// 7. Options keep the method, overloads too.
same<Equal<ReturnType<typeof dog.bark>, ReturnType<(typeof chained)['bark']>>>()
declare const chained: { bark: ReturnType<typeof dog.bark.with> }
async function overloads(): Promise<void> {
  const one: number = await dog.over.with({ timeout: '30s' }).with({ ttl: 5 })(1)
  const two: string = await dog.over.with({})('x')
  // 8. Each overload has its own result.
  const three: number = await dog.over(1)
  const four: string = await dog.over('x')
  // @ts-expect-error the string overload gives a string
  const five: number = await dog.over('x')
  // @ts-expect-error no overload takes it
  void dog.over(true)
  void [one, two, three, four, five]
}
void overloads
// @ts-expect-error misspelt option
dog.bark.with({ timeot: 1 })
dog.bark.with({
  deadline: '1.5m',
  key: 'k',
  on: 'kennel',
  where: { region: 'eu' },
  version: '^1',
  durable: true,
  first: 2,
  quorum: 2,
  hedge: '50ms',
})
// @ts-expect-error no such unit
dog.bark.with({ timeout: '30 seconds' })

// 9. Generic methods.
async function generics(): Promise<void> {
  const text: string = await dog.same('x')
  const count: number = await dog.pick({ a: 1, b: 'x' }, 'a')
  // @ts-expect-error no such key
  void dog.pick({ a: 1 }, 'z')
  void [text, count]
}
void generics
same<Equal<Awaited<ReturnType<typeof dog.gen>>, unknown>>()
interface Shop {
  buy<T>(thing: T): Call<T>
}
declare const shop: Remote<Shop>
const bought = shop.buy('tea')
same<Equal<typeof bought, Call<string>>>()
void dog.same.async('x')
same<typeof dog.same extends Modes<never, unknown> ? true : false>()

// 10. Streams: awaited or iterated; the return type is kept.
async function streams(): Promise<void> {
  for await (const smell of dog.smells()) same<Equal<typeof smell, string>>()
  const stream = await dog.smells()
  same<Equal<typeof stream, AsyncGenerator<string, number>>>()
  for await (const smell of stream) same<Equal<typeof smell, string>>()
  for await (const step of dog.steps()) same<Equal<typeof step, number>>()
  const steps = await dog.steps()
  same<Equal<ReturnType<typeof steps.next>, Promise<IteratorResult<number, string>>>>()
  const bytes = await dog.readable()
  same<Equal<typeof bytes, ReadableStream<Uint8Array>>>()
}
void streams
same<Equal<ReturnType<typeof dog.smells>, StreamCall<AsyncGenerator<string, number>, string>>>()

// 11. By reference.
same<Equal<ReturnType<typeof dog.cat>, Call<Remote<Cat>>>>()
same<Equal<ReturnType<typeof dog.maybeCat>, Call<Remote<Cat> | undefined>>>()
void dog.meet(new Cat())
void dog.meet(remoteCat)
void dog.meetRemote(new Cat())
void dog.meetRemote(remoteCat)
// @ts-expect-error a dog is not a cat
void dog.meet(new Dog())
// @ts-expect-error nor is its proxy
void dog.meet(dog)
const animal: Remote<Animal> = dog
// @ts-expect-error not every animal is a dog
const back: Remote<Dog> = animal
void back

// 12. Callbacks.
void dog.train((percent) => same<Equal<typeof percent, number>>())
void dog.trainAsync(() => true)
void dog.trainAsync(async () => true)
// @ts-expect-error wrong result
void dog.trainAsync(() => 'x')

// 13. Types without values stay themselves.
same<Equal<ReturnType<typeof dog.fail>, Call<never>>>()
same<Equal<Awaited<ReturnType<typeof dog.anything>>, any>>()
same<Equal<Awaited<ReturnType<typeof dog.something>>, unknown>>()
same<Equal<Awaited<ReturnType<typeof dog.nothing>>, void>>()
same<Equal<Awaited<ReturnType<typeof dog.either>>, 'a' | 'b' | undefined>>()

// 14. A proxy is not thenable, and user methods may have the modes' names.
same<Equal<Awaited<Remote<Dog>>, Remote<Dog>>>()
same<Equal<typeof dog.with, RemoteMethod<[x: number], number>>>()
same<Equal<ReturnType<typeof dog.call>, Call<number>>>()
same<Equal<ReturnType<typeof dog.catch>, Call<number>>>()
// Function.prototype's names are not offered.
// @ts-expect-error private
void dog.bark.apply
// @ts-expect-error private
void dog.bark.bind
