/** What must and must not compile about tRPC through the router. Checked by `tsc -b`; nothing of it ever runs. */
import { createTRPCClient, type TRPCLink } from '@trpc/client'
import { initTRPC } from '@trpc/server'
import { service, type Client, type CurrentCall, type WaybillError } from '@waybill/client'
import { serveTrpc, trpcFrom, waybillErrorOf, waybillLink, type ServedTrpc } from '@waybill/trpc'
import superjson from 'superjson'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <_ extends true>(): void => {}

declare const client: Client

const plain = initTRPC.context<{ user: string }>().create()
const rich = initTRPC.create({ transformer: superjson })
const app = plain.router({ at: plain.procedure.query(() => new Date(0)) })
const richApp = rich.router({ at: rich.procedure.query(() => new Date(0)) })

export async function links(): Promise<void> {
  const link: TRPCLink<typeof app> = waybillLink<typeof app>({ client, service: 'shop' })
  void link
  waybillLink<typeof richApp>({
    client,
    service: 'shop',
    transformer: superjson,
    options: ({ type }) => (type === 'query' ? {} : { key: 'k' }),
  })
  // @ts-expect-error the app has a transformer
  waybillLink<typeof richApp>({ client, service: 'shop' })
  // @ts-expect-error the app has none
  waybillLink<typeof app>({ client, service: 'shop', transformer: superjson })
  // @ts-expect-error no such option of a call
  waybillLink<typeof app>({ client, service: 'shop', options: { timeuot: 1 } })

  const at = await createTRPCClient<typeof app>({ links: [waybillLink({ client, service: 'shop' })] }).at.query()
  same<Equal<typeof at, string>>()
  const richAt = await createTRPCClient<typeof richApp>({
    links: [waybillLink({ client, service: 'shop', transformer: superjson })],
  }).at.query()
  same<Equal<typeof richAt, Date>>()
  const why = waybillErrorOf(new Error())
  same<Equal<typeof why, WaybillError | undefined>>()
}

export async function serving(): Promise<void> {
  const served: ServedTrpc = await serveTrpc(client, 'shop', app, {
    createContext({ info, call }) {
      same<Equal<typeof call, CurrentCall>>()
      return { user: `${call.caller.principal} ${info.type}` }
    },
    onError: ({ ctx }) => same<Equal<typeof ctx, { user: string } | undefined>>(),
  })
  await served.drain()
  await serveTrpc(client, 'shop', richApp)
  // @ts-expect-error the app needs a context
  await serveTrpc(client, 'shop', app)
  // @ts-expect-error the app needs a context with a user
  await serveTrpc(client, 'shop', app, { createContext: () => ({}) })
}

class Dog {
  #secret = 1
  name = 'rex'
  bark(phrase: string, times = 1): string {
    return phrase.repeat(times + this.#secret)
  }
  sum(...numbers: number[]): number {
    return numbers.length
  }
  async nothing(): Promise<void> {}
  born(): Date {
    return new Date(0)
  }
  async *walk(km: number): AsyncGenerator<{ at: Date }, string> {
    yield { at: new Date(km) }
    return 'home'
  }
  *steps(): Generator<number> {
    yield 1
  }
  photo(): ReadableStream<number> {
    return new ReadableStream()
  }
  _hidden(): void {}
}

export async function classes(): Promise<void> {
  const dog = createTRPCClient<ReturnType<typeof trpcFrom<Dog>>>({ links: [waybillLink({ client, service: 'dogs' })] })
  const barked = await dog.bark.mutate(['wau', 2])
  same<Equal<typeof barked, string>>()
  await dog.bark.mutate(['wau'])
  await dog.sum.mutate()
  await dog.sum.mutate([1, 2])
  await dog.nothing.mutate()
  const born = await dog.born.mutate()
  same<Equal<typeof born, string>>()
  for await (const { at } of dog.walk.subscribe([3])) same<Equal<typeof at, string>>()
  for await (const step of dog.steps.subscribe()) same<Equal<typeof step, number>>()
  for await (const pixel of dog.photo.subscribe()) same<Equal<typeof pixel, number>>()
  // @ts-expect-error a phrase is text
  await dog.bark.mutate([3])
  // @ts-expect-error the phrase has to be given
  await dog.bark.mutate()
  // @ts-expect-error the input is the list of arguments
  await dog.bark.mutate('wau')
  // @ts-expect-error it is not said to be a query
  await dog.bark.query(['wau'])
  // @ts-expect-error a stream is subscribed to
  await dog.walk.mutate([3])
  // @ts-expect-error no such method
  await dog.brak.mutate([])
  // @ts-expect-error never exposed
  void dog._hidden
  // @ts-expect-error no method
  void dog.name

  const asked = createTRPCClient<ReturnType<typeof trpcFrom<Dog, 'bark'>>>({ links: [waybillLink({ client, service: 'dogs' })] })
  const answer = await asked.bark.query(['wau'])
  same<Equal<typeof answer, string>>()
  // @ts-expect-error it is a query
  await asked.bark.mutate(['wau'])

  const router = trpcFrom(new Dog(), { queries: ['bark', 'born'], subscriptions: ['photo'] })
  const listed = createTRPCClient<typeof router>({ links: [waybillLink({ client, service: 'dogs' })] })
  await listed.bark.query(['wau'])
  await listed.sum.mutate()
  const error = await listed.born.query().then(undefined, (thrown: unknown) => thrown)
  void error
  // @ts-expect-error no such method
  trpcFrom(Dog, { queries: ['brak'] })
  // @ts-expect-error it does not stream
  trpcFrom(Dog, { subscriptions: ['bark'] })

  const withRoot = trpcFrom(Dog, { t: rich, queries: ['born'] })
  const richBorn = await createTRPCClient<typeof withRoot>({
    links: [waybillLink({ client, service: 'dogs', transformer: superjson })],
  }).born.query()
  same<Equal<typeof richBorn, Date>>()
  trpcFrom(Dog, { t: plain, caller: ({ user }) => ({ client: user, principal: user }) })
  // @ts-expect-error the context has no such thing
  trpcFrom(Dog, { t: plain, caller: ({ who }) => ({ client: who, principal: who }) })
}

export function definitions(): void {
  interface Shelf {
    left(item: string): number
  }
  const shelf = service<Shelf>('Shelf@1.0.0', { left: { idempotent: true } })
  trpcFrom(shelf, { left: () => 3 }, { queries: ['left'] })
  trpcFrom(shelf, client.remote(shelf), { queries: ['left'] })
  // @ts-expect-error the implementation has no such method
  trpcFrom(shelf, {}, { queries: ['left'] })
  // @ts-expect-error no such method
  trpcFrom(shelf, { left: () => 3 }, { queries: ['right'] })
}
