/** Who may call a method: its guard is asked for each call, and whatever is not a clear yes is a no. */
import { currentCall, service, WaybillError, type Client, type CurrentCall } from '@waybill/client'
import { Method, Remote } from '@waybill/decorators'
import { harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'

type Guard = (call: CurrentCall, args: readonly unknown[]) => unknown

interface Safe {
  open(name: string, how?: object): string
}

async function safe(h: ReturnType<typeof harness>, guard: Guard) {
  const log: string[] = []
  const incidents: unknown[] = []
  const worker = await h.client('worker', { onIncident: ({ error }) => incidents.push(error) })
  const terms = { args: [z.string(), z.object({}).optional()], guard: guard as () => boolean } as const
  await worker.expose(service<Safe>('Safe@1.0.0', { open: terms }), {
    open: (name) => {
      log.push(name)
      return `open ${name}`
    },
  })
  const caller = await h.client('caller')
  return { log, incidents, open: caller.remote<Safe>('Safe', { data: { pin: 7 } }).open }
}

describe('a guard', () => {
  const verdicts: readonly (readonly [string, Guard, boolean])[] = [
    ['true', () => true, true],
    ['a promise of true', async () => true, true],
    ['false', () => false, false],
    ['a promise of false', async () => false, false],
    ['nothing', () => undefined, false],
    ['something that passes for true', () => 'yes', false],
  ]
  test.each(verdicts)('row 004-17: %s', async (_what, guard, may) => {
    await using h = harness()
    const { log, incidents, open } = await safe(h, guard)
    if (may) expect(await open('x')).toBe('open x')
    else
      await expect(open('x')).rejects.toMatchObject({
        code: 'Forbidden',
        executed: 'no',
        message: expect.stringContaining('Safe.open') as string,
      })
    expect(log).toEqual(may ? ['x'] : [])
    expect(incidents).toEqual([])
  })

  test('row 004-17: sees the call and its checked arguments, inside the call', async () => {
    await using h = harness()
    const seen: unknown[] = []
    const { open } = await safe(h, (call, args) => {
      seen.push(call === currentCall(), call.caller.client, call.data, call.method, args)
      return true
    })
    await open('x')
    expect(seen).toEqual([true, 'caller', { pin: 7 }, 'open', ['x']])
    await expect(open(1 as never)).rejects.toMatchObject({ code: 'BadArguments' })
    expect(seen).toHaveLength(5)
  })

  test.each(['Forbidden', 'Unauthorized', 'Rejected'] as const)('row 004-17: says %s in its own words', async (code) => {
    await using h = harness()
    const { log, incidents, open } = await safe(h, () => {
      throw new WaybillError(code, 'not on a Sunday')
    })
    await expect(open('x')).rejects.toMatchObject({ code, message: 'not on a Sunday', executed: 'no' })
    expect([log, incidents]).toEqual([[], []])
  })

  const faults: readonly (readonly [string, Guard])[] = [
    [
      'throws',
      () => {
        throw new TypeError('secret')
      },
    ],
    ['rejects', () => Promise.reject(new WaybillError('Overloaded', 'secret'))],
  ]
  test.each(faults)('row 004-17: one that %s is a no, and an incident here', async (_what, guard) => {
    await using h = harness()
    const { log, incidents, open } = await safe(h, guard)
    const error: unknown = await open('x').then(
      () => expect.unreachable(),
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({
      code: 'Forbidden',
      executed: 'no',
      details: { incident: expect.stringMatching(/^[0-9a-f]{12}$/) as string },
    })
    expect((error as Error).message).not.toContain('secret')
    expect(log).toEqual([])
    expect(incidents).toMatchObject([{ message: 'secret' }])
  })

  test('row 004-17: one that takes its time can be overtaken by a cancel', async () => {
    await using h = harness()
    const { log, open } = await safe(h, () => new Promise((resolve) => h.world.after(1000, () => resolve(true))))
    const call = open('x')
    call.catch(() => {})
    await h.advance(10)
    const cancelled = call.cancel()
    await h.until(cancelled)
    await expect(call).rejects.toMatchObject({ code: 'Cancelled', executed: 'no' })
    await h.advance(2000)
    expect(log).toEqual([])
  })

  test('row 004-17: is a term of a decorator as well', async () => {
    @Remote
    class Vault {
      @Method({ args: [z.string()], guard: ({ caller }, [name]) => caller.client === name })
      open(name: string) {
        return name
      }
    }
    await using h = harness()
    await (await h.client('worker')).expose(new Vault())
    const vault = (client: Client) => client.remote<Vault>('Vault')
    const rex = await h.client('rex')
    expect(await vault(rex).open('rex')).toBe('rex')
    await expect(vault(rex).open('ada')).rejects.toMatchObject({ code: 'Forbidden' })
  })
})
