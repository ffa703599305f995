/** Who is told of postbacks, whether what reads them is at hand or still to be loaded. */
import { aside } from './aside.js'
import type { Late } from './late.js'
import type { PostbackListener, Postbacks } from './postbacks.js'

/** The function that is returned ends it. */
export function listen(listener: PostbackListener, postbacks: Late<Postbacks>): () => void {
  if (postbacks.now !== undefined) return postbacks.now.listen(listener)
  let end: (() => void) | undefined
  let isOver = false
  const loading = postbacks.load().then((there) => {
    if (!isOver) end = there.listen(listener)
  })
  loading.catch((error: unknown) =>
    aside(() => {
      throw error
    }),
  )
  return () => {
    isOver = true
    end?.()
  }
}
