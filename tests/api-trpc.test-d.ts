/** What must and must not compile of the router's API over tRPC. Checked by `tsc -b`; nothing of it ever runs. */
import { type TRPCClient, type TRPCClientError } from '@trpc/client'
import type { ReceiptInfo } from '@waybill/client'
import type { ClientInfo, RouterInfo } from '@waybill/server'
import type { Heard, ToldFailure, ToldItem, ToldResult, TrpcApi } from '@waybill/server/trpc'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <_ extends true>(): void => {}

declare const api: TRPCClient<TrpcApi>
declare const error: TRPCClientError<TrpcApi>

export async function typed(): Promise<void> {
  const info = await api.info.query()
  same<Equal<typeof info, RouterInfo>>()
  const clients = await api.clients.query()
  same<Equal<(typeof clients)[number], ClientInfo>>()
  const receipt = await api.receipt.query({ sn: '' })
  same<Equal<typeof receipt, ReceiptInfo>>()
  const result = await api.result.query({ sn: '', waitMs: 1 })
  same<Equal<typeof result, ToldResult>>()
  const sent = await api.dispatch.mutate({ to: 'dog', content: { json: [1] } })
  same<Equal<typeof sent, { sn: string; durability: string; duplicate: boolean }>>()
  api.receive.subscribe(
    { name: 'dog' },
    { onData: ({ id, data }) => (same<Equal<typeof id, string>>(), same<Equal<typeof data, ToldItem>>()) },
  )
  api.events.subscribe({ topic: 'dog.*', after: 0 }, { onData: ({ data }) => same<Equal<typeof data, Heard>>() })
  api.presence.subscribe(undefined, { onData: (heard) => same<Equal<typeof heard, Heard>>() })
  const why = error.data!.waybill
  same<Equal<typeof why, ToldFailure>>()

  // @ts-expect-error no such procedure
  void api.bark
  // @ts-expect-error it changes something
  void api.dispatch.query
  // @ts-expect-error a content is needed
  void api.dispatch.mutate({ to: 'dog' })
  // @ts-expect-error a name is a text
  void api.register.mutate({ name: 1 })
  // @ts-expect-error no such header of a parcel
  void api.dispatch.mutate({ to: 'dog', content: { headers: { authorization: '' } } })
}
