/** What `connect()` and `expose()` are told wrongly: refused by name, before anything is done. */
import { connect } from '@waybill/client'
import { harness } from '@waybill/testkit'
import { expect, test } from 'vitest'

test('an option that is misspelt is refused by name', async () => {
  await expect(connect('ws://127.0.0.1:1', { lables: { region: 'eu' } } as never)).rejects.toMatchObject({
    code: 'BadAddress',
    executed: 'no',
    message: expect.stringMatching(/^there is no option "lables"; there are name, token, labels,/) as string,
  })
})

test('what is no object cannot be offered', async () => {
  await using h = harness()
  const client = await h.client('kennel')
  for (const nothing of [undefined, null, 'Dog', 3]) {
    await expect(client.expose(nothing as never)).rejects.toMatchObject({
      code: 'NotExposed',
      message: expect.stringMatching(/^expose\(\) takes an object/) as string,
    })
  }
})
