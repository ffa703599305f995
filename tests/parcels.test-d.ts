/** What must and must not compile about parcels. Checked by `tsc -b`; nothing of it ever runs. */
import { dispatch, Parcel, receive, service, type Client, type CurrentCall, type Receipt } from '@waybill/client'

declare const client: Client

export async function sends(): Promise<void> {
  const receipt: Receipt<Parcel | undefined> = await dispatch(client, 'kennel', 'ball', { ttl: '1h', key: 'ball-1', orderKey: 'walk' })
  const parcel = await receipt.result()
  // @ts-expect-error who takes it may answer with nothing
  parcel.text()
  await dispatch(client, 'kennel', { bone: 1 })
  await dispatch(client, 'kennel', new Uint8Array(3))
  await dispatch(client, 'kennel', new Parcel('{}', { 'content-type': 'application/json' }))
  // @ts-expect-error nothing is no content
  await dispatch(client, 'kennel', undefined)
  // @ts-expect-error the name stands beside the content
  await dispatch(client, 'kennel', 'ball', { on: 'kennel' })
}

export async function takes(): Promise<void> {
  const inbox = await receive(client, (parcel: Parcel, { attempt }: CurrentCall) => (attempt > 1 ? undefined : parcel.type), {
    concurrency: 4,
  })
  await inbox.withdraw()
  await receive(client, async ({ bytes }) => Promise.resolve(bytes))
  // @ts-expect-error a symbol is no content
  await receive(client, () => Symbol('bone'))
}

interface Lab {
  develop(film: Parcel): Parcel
}

export async function methods(): Promise<void> {
  const lab = client.remote(service<Lab>('Lab@1.0.0', { develop: {} }))
  const print: Parcel = await lab.develop(new Parcel('film'))
  // @ts-expect-error a text is no parcel
  await lab.develop(print.text())
}
