/** What may not run in a process of its own: it is refused when it is exposed, with what is to be done. */
import { service } from '@waybill/client'
import { Method, Remote } from '@waybill/decorators'
import { harness } from '@waybill/testkit'
import { expect, test } from 'vitest'

const module = import.meta.url

@Remote({ module })
class Apart {
  @Method({ isolate: 'process' })
  work() {}
}

@Remote
class Lost {
  @Method({ isolate: 'process' })
  work() {}
}

class Plain {
  work() {}
}

const isolated = { work: { isolate: 'process' } } as const
const refusals: readonly (readonly [string, readonly [object, object?], RegExp])[] = [
  ['an instance', [new Apart()], /Apart.*expose its class/],
  [
    'an object that a definition is made for',
    [service<Plain>('Plain@1.0.0', isolated, { module }), { work: () => {} }],
    /Plain.*expose its class/,
  ],
  ['a class of which the module is not known', [Lost], /Lost.*module: import\.meta\.url/],
  ['the same by a definition', [service<Plain>('Plain@1.0.0', isolated), Plain], /Plain.*module: import\.meta\.url/],
  ['objects that are kept', [service<Plain>('Plain@1.0.0', isolated, { module, instance: 'session' }), Plain], /Plain.*each session/],
]
test.each(refusals)('row 004-17: %s', async (_what, [target, implementation], says) => {
  await using h = harness()
  const client = await h.client('worker')
  const expose = client.expose.bind(client) as (target: object, implementation?: object) => Promise<unknown>
  await expect(expose(target, implementation)).rejects.toMatchObject({
    code: 'NotExposed',
    executed: 'no',
    message: expect.stringMatching(says) as string,
  })
  expect(h.router.load.instances).toBe(0)
})

test('a stream in the arguments is refused before anything runs: it cannot follow into another process', async () => {
  await using h = harness()
  const client = await h.client('worker')
  await client.expose(Apart)
  const caller = await h.client('caller')
  async function* numbers() {
    yield 1
  }
  const proxy = caller.remote<{ work(numbers: AsyncIterable<number>): void }>('Apart')
  await expect(proxy.work(numbers())).rejects.toMatchObject({ code: 'Unsupported', executed: 'no' })
  expect(client.pending.incoming).toBe(0)
})

test('row 004-17: a class whose module is known is offered, and says that it is isolated', async () => {
  await using h = harness()
  const client = await h.client('worker')
  expect((await client.expose(Apart)).methods).toEqual(['work'])
  expect((await client.describe('Apart')).methods).toEqual([{ name: 'work', idempotent: false, isolate: 'process' }])
})
