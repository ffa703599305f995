/**
 * What becomes of calls when processes are not there, are killed, or are asked to end. The caller is this process; routers and workers are
 * real processes of what is built.
 */
import { createServer, type AddressInfo, type Server } from 'node:net'
import { connect, service, type Client, type ConnectOptions } from '@waybill/client'
import type { RouterApi } from '@waybill/server'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { endChildren, startRouter, startWorker, type Child, type RunningRouter } from './fixtures/children.js'

interface Dog {
  bark(phrase: string): string
  echo(value: string): string
  echo(value: Uint8Array): Uint8Array
  size(value: string | Uint8Array): number
  hang(): Promise<void>
  slow(ms: number): Promise<string>
}

const MiB = 1024 * 1024
/** Of all that does not end it. */
let router: RunningRouter
const clients = new Set<Client>()
const servers = new Set<Server>()

beforeAll(async () => {
  router = await startRouter()
})
afterEach(async () => {
  await Promise.all(Array.from(clients, (client) => client.close({ drainMs: 0 })))
  for (const server of servers) server.close()
  clients.clear()
  servers.clear()
})
afterAll(() => endChildren())

describe('connect', () => {
  it.each([
    { what: 'nobody listens', port: freePort },
    { what: 'somebody listens and says nothing', port: silentPort },
  ])('rejects in the given time where $what', async ({ port }) => {
    const url = `ws://127.0.0.1:${await port()}`
    const from = performance.now()
    await expect(hopOn(url, { timeout: 400 })).rejects.toMatchObject({ code: 'RouterUnreachable', executed: 'no' })
    const tookMs = performance.now() - from
    expect(tookMs).toBeGreaterThan(390)
    // Far from the 5 s of who gives no time.
    expect(tookMs).toBeLessThan(2500)
  })
})

describe('a call', () => {
  let url: string
  let worker: Child
  beforeAll(async () => {
    ;({ url } = router)
    worker = await startWorker(url)
  })
  afterAll(() => ended(worker))

  it('for a service that nobody offers is refused at once, and was not executed', async () => {
    const client = await hopOn(url)
    const from = performance.now()
    await expect(client.remote<Dog>('Cat').bark('x')).rejects.toMatchObject({ code: 'NoSuchService', executed: 'no' })
    expect(performance.now() - from).toBeLessThan(2500)
  })

  it('with 9 MiB is TooLarge at the caller, and nothing is sent', async () => {
    const client = await hopOn(url)
    const before = await callsRead(client)
    await expect(dogOf(client).size('x'.repeat(9 * MiB))).rejects.toMatchObject({
      code: 'TooLarge',
      executed: 'no',
      details: { limit: 8 * MiB, size: expect.toSatisfy((size: number) => size >= 9 * MiB && size < 9.1 * MiB) as number },
    })
    expect(await callsRead(client)).toBe(before)
    expect(await dogOf(client).bark('x')).toBe('woof x')
    expect(await callsRead(client)).toBe(before + 1)
  })

  it.each([1.5, 7.9])('with %d MiB arrives whole, and so does its result', async (size) => {
    const client = await hopOn(url)
    const text = 'The quick brown fox jumps over the lazy dog. '.repeat((size * MiB) / 45)
    const bytes = Buffer.from(text)
    const [text2, bytes2] = await Promise.all([dogOf(client).echo(text), dogOf(client).echo(new Uint8Array(bytes))])
    // Compared so that a difference does not print megabytes.
    expect(bytes.byteLength).toBeGreaterThan((size - 0.1) * MiB)
    expect(text2 === text).toBe(true)
    expect(bytes.equals(bytes2)).toBe(true)
  })
})

describe('a worker', () => {
  it('that is killed loses its calls within a second, and what they did is not known', { retry: 2 }, async () => {
    const { client, worker } = await pair(router)
    const hanging = dogOf(client).hang()
    const outcome = expect(hanging).rejects.toMatchObject({
      code: 'WorkerLost',
      executed: 'maybe',
      message: expect.stringContaining('kennel') as string,
    })
    await worker.prints(/^hanging$/m)
    worker.kill('SIGKILL')
    await worker.ended
    const from = performance.now()
    await outcome
    expect(performance.now() - from).toBeLessThan(1000)
    await expect(dogOf(client).bark('x')).rejects.toMatchObject({ code: 'NoSuchService', executed: 'no' })
  })

  it('that is asked to end and closes its client drains: its calls end, new ones go elsewhere', async () => {
    const { client, worker, url } = await pair(router)
    const other = await startWorker(url, { NAME: 'other' })
    const resting = dogOf(client, 'kennel/Dog').slow(1000)
    await worker.prints(/^slow$/m)
    worker.kill('SIGTERM')
    await expect.poll(async () => (await services(client)).map((service) => service.client)).toEqual(['other'])
    expect(worker.isRunning).toBe(true)
    expect(await Promise.all([1, 2, 3].map(() => dogOf(client).bark('x')))).toEqual(Array(3).fill('woof x'))
    await expect(dogOf(client, 'kennel/Dog').bark('x')).rejects.toMatchObject({ code: 'NoSuchService', executed: 'no' })
    expect(await resting).toBe('rested 1000')
    expect(await worker.ended).toEqual({ code: 0, signal: null })
    expect(worker.stdout).toMatch(/^closed$/m)
    await ended(other)
  })

  it('that is asked to end and has no listener for that drains by itself, and ends by the signal', async () => {
    const { url } = router
    const worker = await startWorker(url, { SIGTERM: 'default' })
    const other = await startWorker(url, { NAME: 'other' })
    const client = await hopOn(url)
    const resting = dogOf(client, 'kennel/Dog').slow(1000)
    await worker.prints(/^slow$/m)
    worker.kill('SIGTERM')
    await expect.poll(async () => (await services(client)).map((service) => service.client)).toEqual(['other'])
    expect(worker.isRunning).toBe(true)
    expect(await Promise.all([1, 2, 3].map(() => dogOf(client).bark('x')))).toEqual(Array(3).fill('woof x'))
    expect(await resting).toBe('rested 1000')
    expect(await worker.ended).toEqual({ code: null, signal: 'SIGTERM' })
    await ended(other)
  })
})

describe('SIGTERM', () => {
  it('is listened for as long as there is something to take back, and not where the program does not want it', async () => {
    const { url } = router
    const before = process.listenerCount('SIGTERM')
    const now = (): number => process.listenerCount('SIGTERM') - before
    const [one, two] = [await hopOn(url), await hopOn(url)]
    const three = await hopOn(url, { drainOnSigterm: false })
    expect(now()).toBe(0)
    const definition = service<{ f(): void }>('F@1.0.0', { f: {} })
    for (const client of [three, one, two]) {
      await client.expose(definition, { f: () => {} })
      await client.expose(definition, { f: () => {} })
      expect(now()).toBe(client === three ? 0 : 1)
    }
    await one.close()
    expect(now()).toBe(1)
    await two.close()
    await Promise.resolve()
    expect(now()).toBe(0)
  })
})

describe('a router', () => {
  it('that is killed: every call settles, and all come back by themselves when it does', async () => {
    const { client, worker, router, url } = await pair(await startRouter())
    const happened: string[] = []
    client.onStatus(({ kind }) => happened.push(kind))
    const written = [dogOf(client).hang(), ...Array.from({ length: 20 }, () => dogOf(client).slow(5000))]
    await worker.prints(/^hanging\n(?:slow\n){20}/m)
    router.child.kill('SIGKILL')
    await router.child.ended
    await expect.poll(() => client.isConnected).toBe(false)
    // Made while nobody is there: it goes with the next session.
    const waiting = client.remote<RouterApi>('waybill.Router').info()
    const outcomes = await Promise.allSettled(written)
    expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? briefly(outcome.reason) : outcome.value))).toEqual(
      Array(21).fill('RouterLost maybe'),
    )
    await worker.prints(/^cancelled$/m)
    expect(client.pending.outgoing).toBe(1)

    await startRouter(['--port', String(router.port)])
    expect((await waiting).protocolVersion).toBe(1)
    await expect.poll(async () => (await services(client)).map((service) => service.service), { timeout: 10_000 }).toEqual(['Dog'])
    expect(await dogOf(client).bark('again')).toBe('woof again')
    expect(happened).toEqual(['lost', 'connected'])
    expect(url).toBe(router.url)
  })
})

async function hopOn(url: string, options: ConnectOptions = {}): Promise<Client> {
  const client = await connect(url, { backoff: { mostMs: 300 }, ...options })
  clients.add(client)
  return client
}

/** A worker that offers a Dog, and a client of this process. */
async function pair(at: RunningRouter): Promise<{ client: Client; worker: Child; router: RunningRouter; url: string }> {
  const worker = await startWorker(at.url)
  return { client: await hopOn(at.url), worker, router: at, url: at.url }
}

/** Ends it at once, and waits until the router knows. */
async function ended(worker: Child): Promise<void> {
  worker.kill('SIGKILL')
  await worker.ended
  const client = await hopOn(router.url)
  await vi.waitFor(async () => expect(await services(client)).toEqual([]), { timeout: 10_000 })
  await client.close()
}

function dogOf(client: Client, address = 'Dog'): ReturnType<typeof client.remote<Dog>> {
  return client.remote<Dog>(address)
}

async function services(client: Client): Promise<readonly { service: string; client: string }[]> {
  return client.remote<RouterApi>('waybill.Router').services()
}

/** Calls to services that the router has read; those to itself do not count. */
async function callsRead(client: Client): Promise<number> {
  return (await client.remote<RouterApi>('waybill.Router').info()).calls
}

function briefly(thrown: unknown): string {
  const { code, executed } = thrown as { code: string; executed: string }
  return `${code} ${executed}`
}

async function freePort(): Promise<number> {
  const port = await silentPort()
  await Promise.all(Array.from(servers, (server) => new Promise((resolve) => server.close(resolve))))
  return port
}

async function silentPort(): Promise<number> {
  const server = createServer()
  servers.add(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
