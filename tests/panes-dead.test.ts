/**
 * What people see of dead letters, of what waits, and of a store, in a terminal of 60 and of 160 columns, held against the screens in `tests/panes/` as in
 * `panes.test.ts`. All of them are in this process.
 */
import { connect, service, WaybillError, type Client } from '@waybill/client'
import { createRouter, type RouterHandle } from '@waybill/server'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Pane } from './fixtures/pane.js'

interface Dog {
  walk(km: number): Promise<string>
  fetch(what: string): Promise<string>
}
const dog = service<Dog>('Dog@1.2.0', { walk: {}, fetch: {} })

describe('panes', { timeout: 40_000 }, () => {
  describe.each([60, 160])('of %i columns', (columns) => {
    const folder = mkdtempSync(join('/tmp', 'wb-pane-'))
    const data = join(folder, 'store')
    let router: RouterHandle
    let kennel: Client
    let walker: Client
    let refused: string
    const hop: string[] = []

    beforeAll(async () => {
      router = await createRouter({ listen: { port: 0 }, data })
      kennel = await connect(router.url!, { name: 'kennel', onIncident: () => {} })
      walker = await connect(router.url!, { name: 'walker' })
    })
    afterAll(async () => {
      await Promise.all([kennel, walker].map((client) => client.close({ drainMs: 0 })))
      await router.close()
      rmSync(folder, { recursive: true })
    })

    const pane = (...args: string[]): Pane => Pane.ofCommand(columns, args, { WAYBILL_URL: router.url! })
    const golden = async (screen: string, name: string): Promise<void> => {
      // The folder is another one each time, and as long as this.
      const fixed = screen.replaceAll(folder, '/srv/waybill/backup')
      expect(fixed.split('\n').filter((line) => line.length > columns)).toEqual([])
      await expect(fixed).toMatchFileSnapshot(`panes/${name}-${columns}.txt`)
    }

    it('dead list and mailbox, before there is anything', async () => {
      await golden(await pane('dead', 'list').end(), 'dead-none')
      await golden(await pane('mailbox').end(), 'mailbox-none')
    })

    it('dead list, show, redrive and purge', async () => {
      const expired = await walker
        .remote(dog)
        .walk.with({ ttl: 1500, data: { group: 2 }, key: 'evening' })
        .async(3)
      await expired.result().catch(() => {})
      await kennel.expose(dog, {
        walk: () => Promise.resolve('home'),
        fetch: () => Promise.reject(new Error('never')),
      })
      const receipt = await walker.remote<{ fetch(): Promise<void>; growl(): Promise<void> }>('Dog@^1').growl.async()
      await receipt.result().catch((thrown: unknown) => expect(thrown).toBeInstanceOf(WaybillError))
      refused = receipt.sn
      await golden(await pane('dead', 'list').end(), 'dead-list')
      await golden(await pane('dead', 'show', expired.sn).end(), 'dead-show')
      await golden(await pane('dead', 'redrive', expired.sn).end(), 'dead-redrive')
      const again = await walker.redrive(expired.sn)
      await again.result()
      await golden(await pane('receipt', again.sn).end(), 'receipt-redriven')
      await golden(await pane('dead', 'show', expired.sn).end(), 'dead-show-redriven')
      await golden(await pane('dead', 'redrive').end(), 'dead-redrive-all')
      await golden(await pane('dead', 'purge', '--reason', 'no_method').end(), 'dead-purge')
      await golden(await pane('dead', 'show', refused).end(), 'dead-show-unknown')
    })

    it('mailbox, while something waits', async () => {
      const cat = service<{ purr(text: string): string }>('Cat@2.0.0', { purr: {} })
      for (const text of ['one', 'two']) hop.push((await walker.remote(cat).purr.async(text)).sn)
      await walker.remote(dog).walk.callback({ replyto: 'clerk' }, 1)
      await expect.poll(async () => (await walker.receipts({ method: 'walk', state: 'pending' })).length).toBe(0)
      const shown = await pane('mailbox').end()
      await golden(
        shown.replaceAll(/\d+ B/g, (bytes) => '0 B'.padStart(bytes.length)),
        'mailbox',
      )
      await golden(await pane('mailbox', 'stable').end(), 'mailbox-of-nobody')
    })

    it('store check and backup', async () => {
      const sized = (screen: string): string =>
        screen
          .replaceAll(/[\d.]+ (?:B|KiB)\b/g, '0 KiB')
          .replaceAll(/\d+ in 1 segment/g, '00 in 1 segment')
          .replaceAll(/at \d+/g, 'at 000')
      await golden(sized(await pane('store', 'check', data).end()), 'store-check')
      const copy = join(folder, 'copy')
      await golden(sized(await pane('store', 'backup', data, copy).end()), 'store-backup')
      const log = join(
        copy,
        readdirSync(copy).find((name) => name.endsWith('.log'))!,
      )
      const bytes = readFileSync(log)
      bytes[200]! ^= 1
      writeFileSync(log, bytes)
      await golden(sized(await pane('store', 'check', copy).end()), 'store-damaged')
    })

    it.each(['dead', 'mailbox', 'store'])('help of %s', async (verb) => {
      await golden(await pane(verb, '--help').end(), `help-${verb}`)
    })
  })
})
