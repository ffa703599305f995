/** A receiver with an address takes what a socket and JSON text send, and answers both, over real sockets. */
import { connect, dispatch, Parcel } from '@waybill/client'
import { createRouter } from '@waybill/server'
import { expect, test } from 'vitest'
import { JsonPeer } from './json-peer.js'
import { receives } from './receivers.js'

test('row 000-7: a parcel to an address, from a socket and from JSON text, has its answer where it was sent', async () => {
  await using router = await createRouter({ listen: { port: 0 }, webhooks: { loopback: true } })
  await using receiver = await receives((_request, response) => response.end())
  const address = `http://127.0.0.1:${receiver.port}/receive`
  await fetch(`http://127.0.0.1:${router.port}/register`, { method: 'POST', body: JSON.stringify({ name: 'dog', address }) })
  const answered = async (count: number): Promise<readonly [string | undefined, string | undefined, number[]]> => {
    await expect.poll(() => receiver.received.length).toBe(count)
    const { headers, body } = receiver.received[count - 1]!
    const all = headers as Record<string, string>
    const answer = { method: 'POST', body: body.toReversed(), headers: { 'content-type': 'image/x-print' } }
    expect((await fetch(all['waybill-postback']!, answer)).status).toBe(200)
    return [all['waybill-from'], all['content-type'], [...body]]
  }

  await using walker = await connect(router.url!, { name: 'walker' })
  const film = new Parcel(Uint8Array.of(0x00, 0xff, 0x10), { 'content-type': 'image/x-film' })
  const receipt = await dispatch(walker, 'dog', film)
  expect(await answered(1)).toEqual(['walker', 'image/x-film', [0x00, 0xff, 0x10]])
  const print = (await receipt.result())!
  expect([print.type, [...print.bytes]]).toEqual(['image/x-print', [0x10, 0xff, 0x00]])

  const peer = await JsonPeer.open(router.url!, 'page')
  const request = { classname: 'waybill.Inbox', method: 'receive', parcel: { 'content-type': 'image/x-film', base64: 'AP8Q' } }
  peer.say({ routing: ['page', 'dog'], replyto: 'page', durable: true, request })
  expect(await answered(2)).toEqual(['page', 'image/x-film', [0x00, 0xff, 0x10]])
  const { result } = await peer.next((said) => 'result' in said)
  expect(result).toEqual({ parcel: { 'content-type': 'image/x-print', base64: 'EP8A' } })
  await peer.close()
})
