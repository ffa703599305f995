/** The client in a page, in a headless Chromium: it calls and is called, hears events, streams both ways, and is back at once after the network was. */
import { Remote } from '@waybill/decorators'
import { connect, currentCall, type Client, type Remote as RemoteOf } from '@waybill/client'
import { createRouter, type RouterHandle } from '@waybill/server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { Browser, browserPath, type Page } from './fixtures/browser.js'
import { endChildren, startNode, startRouter } from './fixtures/children.js'
import { Cuttable } from './fixtures/cuttable.js'
import { Growl } from './fixtures/growl.js'
import type { TestPage } from './fixtures/page.js'
import { siteOf, type Site } from './fixtures/site.js'

/** Only in the page. */
declare const page: TestPage & { readonly held: { client: Client; status: string[]; heard: unknown[] } }

@Remote({ name: 'Dog', version: '1.2.0' })
class Dog {
  bark(phrase: string): string {
    if (phrase === '') throw new Growl('nothing to bark', 42)
    return `${currentCall().caller.client}: ${phrase}`
  }

  walk(km: number): string {
    for (let completed = 1; completed <= km; completed++) currentCall().progress({ total: km, completed })
    return 'home'
  }

  mirror(value: unknown): unknown {
    return value
  }

  async *count(to: number): AsyncGenerator<number, string> {
    for (let number = 1; number <= to; number++) yield number
    return 'counted'
  }

  async sum(numbers: AsyncIterable<number>): Promise<number> {
    let sum = 0
    for await (const number of numbers) sum += number
    return sum
  }

  async nap(ms: number): Promise<string> {
    await new Promise((resolve) => setTimeout(resolve, ms))
    return 'awake'
  }
}

interface Screen {
  show(text: string): number
  count(to: number): AsyncGenerator<number, string>
  hold(): Promise<string>
}

/** How long a session without a link is kept. */
const GRACE_MS = 3000

const missing = browserPath() === undefined
if (missing) console.log('There is no Chromium in PATH: the tests in a browser are skipped.')

describe.skipIf(missing)('a page', () => {
  let site: Site
  let browser: Browser
  let router: RouterHandle
  let line: Cuttable
  let node: Client
  let tab: Page
  let screen: RemoteOf<Screen>

  beforeAll(async () => {
    ;[site, browser] = await Promise.all([siteOf('tests/fixtures/page.ts'), Browser.start()])
    router = await createRouter({ name: 'router', limits: { resumeGraceMs: GRACE_MS }, listen: { port: 0, origins: [site.origin] } })
    node = await connect(router.url!, { name: 'node' })
    await node.expose(Dog)
    screen = node.remote<Screen>('Screen')
    tab = await browser.open(`${site.origin}/`)
  }, 60_000)

  beforeEach(async () => {
    line = new Cuttable(Number(new URL(router.url!).port))
    await hopOn(`ws://127.0.0.1:${await line.listen()}`)
  })

  afterEach(async () => {
    expect(await tab.run(() => page.held.client.pending)).toEqual({ outgoing: 0, incoming: 0 })
    expect(node.pending).toEqual({ outgoing: 0, incoming: 0 })
    await tab.run(() => page.held.client.close())
    await line[Symbol.asyncDispose]()
  })

  afterAll(async () => {
    await node?.close()
    if (router !== undefined)
      await vi.waitFor(() => expect(Object.values(router.load).every((count) => count === 0)).toBe(true), { timeout: 5000 })
    await router?.close()
    await browser?.[Symbol.asyncDispose]()
    await site?.[Symbol.asyncDispose]()
    await endChildren()
  }, 30_000)

  async function hopOn(url: string): Promise<void> {
    await tab.run(async (given) => {
      const { held } = page
      held.status = []
      held.heard = []
      // So rarely tried again that whoever waits for it would wait for ever.
      held.client = await page.connect(given, { name: 'page', backoff: { firstMs: 600_000, mostMs: 600_000 } })
      held.client.onStatus(({ kind }) => held.status.push(kind))
      await held.client.expose(new page.Screen())
    }, url)
  }

  const isHere = (): Promise<void> =>
    vi.waitFor(async () => expect(await screen.show('here')).toBeGreaterThan(0), { timeout: 8000, interval: 30 })

  test('calls, with progress, values beyond JSON and an exception with its class', async () => {
    const called = await tab.run(async () => {
      const dog = page.held.client.remote<Dog>('Dog@^1')
      const completed: number[] = []
      const walked = await dog.walk(3).on('progress', (progress) => completed.push(progress.completed))
      const value = { at: new Date(5), tags: new Set([1n]), bytes: new Uint8Array([1, 2, 3]), long: 'x'.repeat(5000), not: undefined }
      const mirrored = (await dog.mirror(value)) as typeof value
      const growl = (await dog.bark('').catch((thrown: unknown) => thrown)) as Growl & { executed: string }
      return {
        barked: await dog.bark('hello'),
        completed,
        walked,
        mirrored: [mirrored.at.getTime(), mirrored.tags.has(1n), mirrored.bytes[2], mirrored.long.length, 'not' in mirrored],
        growl: [growl instanceof page.Growl, growl.message, growl.teeth, growl.executed],
        executed: await dog.bark
          .with({ on: 'nobody' })('hello')
          .catch((error: { code: string }) => error.code),
      }
    })
    expect(called).toEqual({
      barked: 'page: hello',
      completed: [1, 2, 3],
      walked: 'home',
      mirrored: [5, true, 3, 5000, true],
      growl: [true, 'nothing to bark', 42, 'yes'],
      executed: 'NoSuchClient',
    })
  })

  test('a script in its console takes part with nothing but a WebSocket and JSON', async () => {
    const heard = await tab.run(async (url) => {
      const socket = new WebSocket(url)
      const messages: Record<string, unknown>[] = []
      const heardOf = async (key: string): Promise<unknown> => {
        for (;;) {
          const message = messages.find((one) => key in one)
          if (message !== undefined) return message[key]
          await new Promise((resolve) => socket.addEventListener('message', resolve, { once: true }))
        }
      }
      socket.addEventListener('message', ({ data }) => messages.push(JSON.parse(data as string) as Record<string, unknown>))
      await new Promise((resolve) => socket.addEventListener('open', resolve))
      socket.send('{"hello":{"name":"console"}}')
      await heardOf('welcome')
      const request = { classname: 'Dog', method: 'bark', args: ['hello'] }
      socket.send(JSON.stringify({ sn: crypto.randomUUID(), replyto: 'console', request }))
      const result = await heardOf('result')
      socket.close()
      return result
    }, router.url!)
    expect(heard).toEqual({ retval: 'console: hello' })
  })

  test('is called, and its exceptions arrive with their class', async () => {
    expect(await screen.show('hello')).toBe(1)
    expect(await screen.show('again')).toBe(2)
    const thrown: unknown = await screen.show('').catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(Growl)
    expect(thrown).toMatchObject({ message: 'nothing to show', teeth: 3, executed: 'yes' })
    const held = screen.hold()
    setTimeout(() => void held.cancel(), 50)
    await expect(held).rejects.toMatchObject({ code: 'Cancelled' })
    expect((await node.describe('Screen')).methods.map(({ name }) => name).toSorted()).toEqual(['count', 'hold', 'show'])
  })

  test('hears events and publishes them', async () => {
    const heard = node.events<string>('page.*')
    await heard.ready
    await tab.run(async () => {
      const { client, heard: all } = page.held
      const barks = client.events<string>('dog.*')
      await barks.ready
      await client.publish('page.ready', 'yes')
      void (async () => {
        for await (const event of barks) all.push(event.kind === 'event' ? event.value : event.kind)
      })()
    })
    for await (const event of heard) {
      expect(event).toMatchObject({ topic: 'page.ready', value: 'yes', from: 'page' })
      break
    }
    await node.publish('dog.barked', 'wau')
    await node.publish('dog.barked', new Date(7))
    await tab.until(() => page.held.heard.length === 2)
    expect(await tab.run(() => page.held.heard.map(String))).toEqual(['wau', String(new Date(7))])
  })

  test('streams both ways, in its calls and in calls to it', async () => {
    const streamed = await tab.run(async () => {
      const dog = page.held.client.remote<Dog>('Dog')
      const numbers: number[] = []
      for await (const number of dog.count(300)) numbers.push(number)
      async function* some(): AsyncGenerator<number> {
        for (let number = 1; number <= 300; number++) yield number
      }
      const stopped: number[] = []
      for await (const number of dog.count(1_000_000)) if (stopped.push(number) === 3) break
      return { length: numbers.length, last: numbers.at(-1), sum: await dog.sum(some()), stopped }
    })
    expect(streamed).toEqual({ length: 300, last: 300, sum: 45_150, stopped: [1, 2, 3] })
    const counted: number[] = []
    for await (const number of screen.count(300)) counted.push(number)
    expect(counted).toHaveLength(300)
  })

  describe('whose network goes', () => {
    test('goes on where it was when the link is back: what was under way is answered', async () => {
      await tab.run(() => {
        page.held.heard = []
        void page.held.client
          .remote<Dog>('Dog')
          .nap(300)
          .then((said) => page.held.heard.push(said))
      })
      await vi.waitFor(() => expect(node.pending.incoming).toBe(1))
      line.cut()
      await tab.until(() => !page.held.client.isConnected)
      line.isCut = false
      await tab.run(() => void globalThis.dispatchEvent(new Event('online')))
      await tab.until(() => page.held.heard.length === 1)
      expect(await tab.run(() => [page.held.heard, page.held.status])).toEqual([['awake'], []])
      await isHere()
    })

    test.each(['online', 'pageshow', 'visibilitychange', 'resume'])('%s tries at once', async (event) => {
      line.cut()
      await vi.waitFor(() => expect(line.tried).toBeGreaterThan(1))
      await tab.until(() => !page.held.client.isConnected)
      line.isCut = false
      await tab.run((name) => {
        const target = name === 'online' || name === 'pageshow' ? globalThis : document
        void target.dispatchEvent(new Event(name))
      }, event)
      await isHere()
    })

    test('offers and subscribes again in a new session', async () => {
      await tab.run(async () => {
        const barks = page.held.client.events<string>('dog.barked')
        await barks.ready
        void (async () => {
          for await (const one of barks) page.held.heard.push(one.kind === 'gap' ? 'gap' : one.value)
        })()
      })
      line.cut()
      await tab.until(() => !page.held.client.isConnected)
      // As after a long sleep, there is nothing to resume.
      await vi.waitFor(() => expect(router.load.sessions).toBe(1), { timeout: 15_000 })
      line.isCut = false
      await tab.run(() => void globalThis.dispatchEvent(new Event('online')))
      await tab.until(() => page.held.status.includes('closed') || page.held.status.includes('connected'))
      expect(await tab.run(() => page.held.status)).toEqual(['lost', 'connected'])
      await isHere()
      await node.publish('dog.barked', 'wau')
      await tab.until(() => page.held.heard.includes('wau'))
      expect(await tab.run(() => page.held.heard)).toEqual(['gap', 'wau'])
    })
  })

  test('that was frozen is back when it wakes, with the answer that came meanwhile', async () => {
    const slept = await tab.run(async () => {
      const napping = page.held.client.remote<Dog>('Dog').nap.with({ timeout: 500 })(200)
      await new Promise((resolve) => setTimeout(resolve, 50))
      // Nothing runs, as in a tab that is frozen: the answer and the deadline are both there afterwards.
      for (const untilMs = performance.now() + 1700; performance.now() < untilMs;);
      return napping.catch((error: { code: string }) => error.code)
    })
    expect(slept).toBe('awake')
    await tab.send('Page.setWebLifecycleState', { state: 'frozen' })
    line.cut()
    await vi.waitFor(() => expect(node.isConnected).toBe(true))
    line.isCut = false
    await tab.send('Page.setWebLifecycleState', { state: 'active' })
    await isHere()
  })

  test('that is closed without a network has kept its stored calls, and the next one sends them', async () => {
    const hopped = async (url: string): Promise<Page> => {
      const opened = await browser.open(`${site.origin}/`)
      await opened.run(async (given) => {
        page.held.client = await page.connect(given, { name: 'traveller', outbox: page.outbox('test') })
      }, url)
      return opened
    }
    const first = await hopped(`ws://127.0.0.1:${line.port}`)
    line.cut()
    await first.until(() => !page.held.client.isConnected)
    const sns = await first.run(async () => {
      const bark = page.held.client.remote<Dog>('Dog').bark.with({ durable: true })
      const prepared = ['one', 'two'].map((phrase) => bark.prepare(phrase))
      for (const call of prepared) call.fire().catch(() => {})
      while ((await page.outbox('test').load()).length < 2) await new Promise((resolve) => setTimeout(resolve, 10))
      return prepared.map(({ sn }) => sn)
    })
    await first.close()
    const second = await hopped(router.url!)
    const results = await second.run(async (given) => {
      // They are the next ones that leave: what asks for them comes behind.
      await page.held.client.remote<Dog>('Dog').bark.async('three')
      const said = await Promise.all(given.map((sn) => page.held.client.receipt<string>(sn).result()))
      while ((await page.outbox('test').load()).length > 0) await new Promise((resolve) => setTimeout(resolve, 10))
      await page.held.client.close()
      return said
    }, sns)
    expect(results).toEqual(['traveller: one', 'traveller: two'])
    await second.close()
    line.isCut = false
    await tab.run(() => void globalThis.dispatchEvent(new Event('online')))
    await isHere()
  })

  test('that is left says goodbye', async () => {
    const other = await browser.open(`${site.origin}/`)
    await other.run(async (url) => {
      page.held.client = await page.connect(url, { name: 'leaver' })
      await page.held.client.expose(new page.Screen())
    }, router.url!)
    const left = node.events<{ readonly name: string }>('waybill.client.left')
    await left.ready
    const began = performance.now()
    void other.close()
    for await (const event of left) {
      if (event.kind !== 'event') continue
      expect(event.value).toMatchObject({ name: 'leaver' })
      break
    }
    expect(performance.now() - began).toBeLessThan(GRACE_MS)
  })

  test('of another origin is refused, with a sentence on either side', async () => {
    const stranger = site.origin.replace('127.0.0.1', 'localhost')
    const foreign = await browser.open(`${stranger}/`)
    const refused = await foreign.run(
      (url) => page.connect(url, { timeout: 1000 }).then(String, (error: { code: string; message: string }) => [error.code, error.message]),
      router.url!,
    )
    expect(refused[0]).toBe('RouterUnreachable')
    expect(refused[1]).toContain(`the router allows them with --origin "${stranger}"`)
    const answer = await fetch(router.url!.replace('ws:', 'http:'), { headers: { origin: stranger } })
    expect([answer.status, await answer.text()]).toEqual([
      403,
      `pages of "${stranger}" may not connect; allow them with --origin "${stranger}"\n`,
    ])
    await foreign.close()
  })

  test('is told what a page has not', async () => {
    const said = await tab.run(async () => {
      const sentence = (run: () => Promise<unknown>): Promise<string> =>
        run().then(String, (error: Error & { code: string }) => `${error.code}: ${error.message}`)
      const isolated = page.service<{ run(): void }>('Isolated@1.0.0', { run: { isolate: 'process' } }, { module: 'x:y' })
      class Isolated {
        run(): void {}
      }
      return [
        await sentence(() => page.connect('tcp://127.0.0.1:7411')),
        await sentence(() => page.connect('unix:/run/waybill.sock')),
        await sentence(() => page.connect('http://127.0.0.1:7411')),
        await sentence(() => page.connect('ws://127.0.0.1:7411', { drainOnSigterm: true })),
        await sentence(() => page.held.client.expose(isolated, Isolated)),
      ]
    })
    expect(said).toEqual([
      'BadAddress: tcp: is a bare socket, and a page has none: use ws:// or wss://',
      'BadAddress: unix: is a bare socket, and a page has none: use ws:// or wss://',
      'Unsupported: there is no transport for http://; use ws:// or wss://',
      'Unsupported: a page is sent no SIGTERM: leave drainOnSigterm out',
      'Unsupported: Isolated has isolated methods, which run in processes of their own; there are none here',
    ])
  })

  test('of the example does what its README says, and is back when its router is', async () => {
    const serve = startNode('examples/dist/05-browser/serve.js', [], { PORT: '0' })
    const [, origin] = (await serve.prints(/at (http:\S+)\/$/m, 40_000)) as unknown as [string, string]
    let started = await startRouter(['--origin', origin])
    const kennel = startNode('examples/dist/05-browser/kennel.js', [], { WAYBILL_URL: started.url })
    await kennel.prints(/is open/)
    const lawn = await browser.open(`${origin}/?router=${started.url}`)
    await lawn.until(() => document.querySelector('#said')!.textContent.includes('nothing is left'), 20_000)
    const said = await lawn.run(() => [document.querySelector('#said')!.textContent, document.querySelector('progress')!.value] as const)
    const lines = said[0].trimEnd().split('\n')
    expect(lines.filter((line) => line !== 'heard: hello')).toEqual([
      'Yes master. I will bark hello because that is what dogs do.',
      'growled: not that word, 42 teeth',
      'home',
      'the dog looks for a stick',
      'the stick that lay on the lawn',
      'grass?',
      'postman?',
      'found!',
      'nothing is left: 0',
    ])
    expect(lines).toContain('heard: hello')
    expect(said[1]).toBe(1)
    started.child.kill('SIGKILL')
    await lawn.until(() => document.querySelector('#status')!.textContent === 'lost')
    started = await startRouter(['--origin', origin, '--port', String(started.port)])
    await lawn.until(() => document.querySelector('#status')!.textContent === 'connected', 15_000)
    await lawn.close()
    await endChildren(browser.child)
  })
})
