/** What must and must not compile about `topic<T>()`. Checked by `tsc -b`; nothing of it ever runs. */
import * as z from 'zod'
import { topic, type Subscription, type TopicDefinition, type TopicEvent } from '../src/index.js'

interface Bark {
  readonly phrase: string
}

const barked: TopicDefinition<Bark> = topic<Bark>('dog.barked', { schema: z.object({ phrase: z.string() }) })
const inferred: TopicDefinition<{ phrase: string }> = topic('dog.barked', { schema: z.object({ phrase: z.string() }) })
void inferred

// @ts-expect-error the schema says something else
void topic<Bark>('dog.barked', { schema: z.object({ phrase: z.number() }) })
// @ts-expect-error no such term
void topic<Bark>('dog.barked', { shema: z.string() })
// @ts-expect-error a bark is no number
const other: TopicDefinition<number> = barked
void other

export async function read(events: Subscription<Bark>): Promise<void> {
  for await (const event of events) {
    if (event.kind === 'gap') {
      const missed: number | undefined = event.missed
      void missed
      // @ts-expect-error a gap has no value
      void event.value
      continue
    }
    const { value, from, cursor }: TopicEvent<Bark> = event
    void [value.phrase, from.length, cursor.toFixed()]
    // @ts-expect-error no such field
    void value.phrse
  }
  await events.ready
}
