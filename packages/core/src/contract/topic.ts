/**
 * Owns `topic()`: name and type of events in one exported value, for those who publish and those who subscribe. Must not know clients.
 * A schema is checked where the event is published, so subscribers of one definition get what it says.
 */
import { checkTopic } from '../address/topics.js'
import { WaybillError } from '../errors/index.js'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { issuesOf } from './issues.js'

/** Remembers the type. Types only. */
declare const carries: unique symbol

/** What a topic is to both sides: `client.publish(barked, value)`, `client.events(barked)`. */
export interface TopicDefinition<T> {
  readonly topic: string
  readonly schema: StandardSchemaV1<unknown, T> | undefined
  /** What is published is stored before anybody gets it, where `publish` is not told otherwise. */
  readonly durable: boolean
  readonly [carries]?: (value: T) => T
}

export interface DurableTopicDefinition<T> extends TopicDefinition<T> {
  readonly durable: true
}

export interface TopicTerms<T> {
  /** It must answer at once, as events keep their order. What it gives back is published. */
  readonly schema?: StandardSchemaV1<unknown, T>
  /** The router stores what is published, so that it can be read later. Default false. */
  readonly durable?: boolean
}

/** `topic<Bark>('dog.barked')`. Throws `BadAddress`. */
export function topic<T>(name: string, terms: TopicTerms<T> & { readonly durable: true }): DurableTopicDefinition<T>
export function topic<T>(name: string, terms?: TopicTerms<T>): TopicDefinition<T>
export function topic<T>(name: string, { schema, durable = false }: TopicTerms<T> = {}): TopicDefinition<T> {
  return { topic: checkTopic(name), schema, durable }
}

/** The value as the schema gives it back. Throws `BadArguments`, `details.issues` telling where, or `Unsupported` for a schema that waits. */
export function checkEvent<T>({ topic: name, schema }: Pick<TopicDefinition<T>, 'topic' | 'schema'>, value: unknown): unknown {
  if (schema === undefined) return value
  let result: StandardSchemaV1.Result<T> | Promise<StandardSchemaV1.Result<T>>
  try {
    result = schema['~standard'].validate(value)
  } catch (cause) {
    throw new WaybillError('BadArguments', `the schema of ${name} threw`, { cause, details: { issues: [] } })
  }
  if (result instanceof Promise) {
    result.catch(() => {})
    throw new WaybillError('Unsupported', `the schema of ${name} does not answer at once, so events would lose their order`)
  }
  if (!result.issues) return result.value
  throw new WaybillError('BadArguments', `the event does not fit ${name}`, { details: { issues: issuesOf(result.issues) } })
}
