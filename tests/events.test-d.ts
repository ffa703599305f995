/** What must and must not compile about publishing and subscribing. Checked by `tsc -b`; nothing of it ever runs. */
import {
  topic,
  type Client,
  type DurableSubscription,
  type EventGap,
  type StoredEvent,
  type Subscription,
  type TopicEvent,
} from '@waybill/client'

interface Bark {
  readonly phrase: string
}
const barked = topic<Bark>('dog.barked')
declare const client: Client

export async function publish(): Promise<void> {
  await client.publish(barked, { phrase: 'wau' })
  await client.publish('dog.barked', { phrase: 'wau' })
  await client.publish('dog.slept')
  // @ts-expect-error a bark has a phrase
  await client.publish(barked, { phrse: 'wau' })
  // @ts-expect-error nothing is no bark
  await client.publish(barked)
  // @ts-expect-error a bark is no text
  await client.publish(barked, 'wau')
}

export async function subscribe(): Promise<void> {
  const typed: Subscription<Bark> = client.events(barked)
  const said: Subscription<Bark> = client.events<Bark>('dog.*')
  const unknown: Subscription<unknown> = client.events('dog.**')
  const iterable: AsyncIterableIterator<TopicEvent<Bark> | EventGap> = typed
  void [said, unknown, iterable]
  for await (const event of client.events(barked)) {
    if (event.kind === 'event') event.value.phrase.toUpperCase()
    // @ts-expect-error it may be a gap
    void event.value
  }
  for await (const event of client.events('dog.*')) {
    // @ts-expect-error nobody said what it is
    if (event.kind === 'event') void event.value.phrase
  }
  // @ts-expect-error a bark is no number
  const other: Subscription<number> = client.events(barked)
  void other
}

export async function durable(): Promise<void> {
  const walked = topic<Bark>('dog.walked', { durable: true })
  const stored: StoredEvent = await client.publish(walked, { phrase: 'wau' })
  const said: StoredEvent = await client.publish(barked, { phrase: 'wau' }, { durable: true })
  const named: StoredEvent = await client.publish('dog.barked', 1, { durable: true })
  const nothing: void = await client.publish(walked, { phrase: 'wau' }, { durable: false })
  // @ts-expect-error it is not stored
  const none: StoredEvent = await client.publish(barked, { phrase: 'wau' })
  // @ts-expect-error a bark has a phrase
  await client.publish(barked, { phrse: 'wau' }, { durable: true })
  void [stored, said, named, nothing, none]
  const typed: DurableSubscription<Bark> = client.events(walked, { after: 0 })
  const cursor: DurableSubscription<Bark> = client.events<Bark>('dog.*', { cursor: 'printer' })
  // @ts-expect-error what is not durable takes nothing
  client.events(walked).taken()
  void [typed, cursor]
}
