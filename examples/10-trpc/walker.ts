/** A walker sends the dog a parcel, has a receipt for it, asks what became of it, and is told in its own name too. */
import { close, router, textOf } from './place.js'

await router.register.mutate({ name: 'walker' })
const { sn } = await router.dispatch.mutate({ to: 'dog', from: 'walker', content: { json: { km: 3 } }, ttlMs: 3_600_000 })
console.log('It has a receipt.')

const { state, content } = await router.result.query({ sn, waitMs: 30_000 })
console.log(`${state}: ${content && textOf(content)}`)

await new Promise<void>((resolve) => {
  const told = router.receive.subscribe(
    { name: 'walker' },
    {
      onData: ({ data: { id, kind, base64 } }) => {
        console.log(`${kind}: ${textOf({ base64 })}`)
        told.unsubscribe()
        void router.received.mutate({ id }).then(() => resolve())
      },
    },
  )
})
const { history = [] } = await router.receipt.query({ sn })
console.log(history.map(({ step }) => step).join(', '))
await router.unregister.mutate({ name: 'walker' })
await close()
