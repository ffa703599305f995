/**
 * What people see of stored calls, events and drains, in a terminal of 60 and of 160 columns, held against the screens in `tests/panes/` as in
 * `panes.test.ts`. All of them are in this process, so that nothing happens before it is to be seen.
 */
import { connect, currentCall, service, type Client } from '@waybill/client'
import { createRouter, type RouterHandle } from '@waybill/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Pane } from './fixtures/pane.js'

interface Dog {
  walk(km: number): Promise<string>
  bark(phrase: string): string
  fail(): never
}
const dog = service<Dog>('Dog@1.2.0', { walk: {}, bark: {}, fail: {} })

describe('panes', { timeout: 40_000 }, () => {
  describe.each([60, 160])('of %i columns', (columns) => {
    let router: RouterHandle
    let kennel: Client
    let walker: Client
    /** Ends the walk that is under way. */
    let home: () => void

    // One router for each width, as what was stored before is listed.
    beforeAll(async () => {
      router = await createRouter({ listen: { port: 0 } })
      const url = router.url!
      kennel = await connect(url, { name: 'kennel', onIncident: () => {} })
      walker = await connect(url, { name: 'walker' })
      await kennel.expose(dog, {
        walk: (km) => {
          currentCall().progress({ total: km, completed: 1, details: 'sniffing' })
          return new Promise((resolve) => (home = () => resolve('home')))
        },
        bark: (phrase) => `woof ${phrase}`,
        fail: () => {
          throw new RangeError('the dog sleeps')
        },
      })
    })
    afterAll(async () => {
      await Promise.all([kennel, walker].map((client) => client.close({ drainMs: 0 })))
      await router.close()
    })

    const pane = (...args: string[]): Pane => Pane.ofCommand(columns, args, { WAYBILL_URL: router.url! })
    const golden = async (screen: string, name: string): Promise<void> => {
      expect(screen.split('\n').filter((line) => line.length > columns)).toEqual([])
      await expect(screen).toMatchFileSnapshot(`panes/${name}-${columns}.txt`)
    }

    it('receipts, before there are any', async () => {
      await golden(await pane('receipts').end(), 'receipts-none')
    })

    it('call --async', async () => {
      await golden(await pane('call', 'Dog.bark', 'hello', '--async').end(), 'call-async')
    })

    it('call --async --follow, while it runs and when it has ended', async () => {
      const following = pane('call', 'Dog.walk', '8', '--async', '--follow')
      await golden(await following.when(/1\/8 {2}13% {2}sniffing/), 'call-follow')
      home()
      await golden(await following.end(), 'call-follow-ended')
    })

    it('call --all', async () => {
      await golden(await pane('call', 'Dog.fail', '--all').end(), 'call-all')
    })

    it('receipt, while it runs, when it has ended and when there is none', async () => {
      const remote = walker.remote(dog).walk.with({ data: { group: 2 } })
      const receipt = await remote.async(4)
      await new Promise<void>((resolve) => receipt.on('progress', () => resolve()))
      await golden(await pane('receipt', receipt.sn).end(), 'receipt')
      home()
      await receipt.result()
      await golden(await pane('receipt', receipt.sn).end(), 'receipt-ended')
      const failed = await walker.remote(dog).fail.async()
      await failed.result().catch(() => {})
      await golden(await pane('receipt', failed.sn, '--follow').end(), 'receipt-failed')
      await golden(await pane('receipt', '018f3c1e-7a00-8dea-b6fb-bc0000000001').end(), 'receipt-unknown')
    })

    it('receipts', async () => {
      await golden(await pane('receipts').end(), 'receipts')
      await golden(await pane('receipts', '--cancel').end(), 'receipts-cancel-all')
    })

    it('events', async () => {
      const watching = pane('events', 'dog.*', '--count', '2')
      await watching.when(/Ctrl-C ends it\./)
      await walker.publish('dog.barked', {
        phrase: 'hello',
        at: [1, 2, 3],
        heard: 'as far as the other side of the valley, and twice at that',
      })
      await walker.publish('dog.slept', 'well')
      await golden(await watching.end(), 'events')
    })

    it('drain, while a call is left and when none is', async () => {
      const call = walker.remote(dog).walk(2)
      await new Promise<void>((resolve) => void call.on('progress', () => resolve()))
      const draining = pane('drain', 'kennel')
      await golden(await draining.when(/1 call left/), 'drain')
      home()
      await golden(await draining.end(), 'drain-ended')
      expect(await call).toBe('home')
    })

    it.each(['receipts', 'receipt', 'events', 'publish', 'drain'])('help of %s', async (verb) => {
      await golden(await pane(verb, '--help').end(), `help-${verb}`)
    })
  })
})
