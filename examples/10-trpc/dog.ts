/** A dog takes one parcel, says that it has it, works, and answers. */
import { close, router, textOf } from './place.js'

await router.register.mutate({ name: 'dog', fields: { breed: 'collie' } })
const parcels = router.receive.subscribe(
  { name: 'dog' },
  {
    onData: ({ data }) => void work(data),
    onError: (error) => console.error(error.message),
  },
)
console.log('The dog is registered.')

async function work(parcel: { readonly id: string; readonly from?: string; readonly base64: string }): Promise<void> {
  // From now on nobody else gets it. Who is cut off before has it again.
  await router.received.mutate({ id: parcel.id })
  const { km } = JSON.parse(textOf(parcel)) as { km: number }
  console.log(`${parcel.from} wants to walk ${km} km`)
  await router.postback.mutate({ id: parcel.id, content: { json: { walked: km } } })
  parcels.unsubscribe()
  await router.unregister.mutate({ name: 'dog' })
  await close()
}
