/**
 * What somebody may call, and what its methods take: the router says who offers what, and each service says of itself what it is, when somebody wants to
 * know. What was said is kept for as long as the instance is there, for those alone who may call it. Whatever a service says is not trusted here.
 */
import rcompare from 'semver/functions/rcompare.js'
import { DESCRIBE, WaybillError } from '@waybill/core'
import { bytesOf } from '../gateways/json-wire.js'
import type { Conversation } from './conversation.js'
import { Waiting } from './outcome.js'

export type Json = Readonly<Record<string, unknown>>

/** A method as its service describes it; what is left out is not known. */
export interface Described {
  readonly name: string
  readonly idempotent: boolean
  readonly parameters?: readonly unknown[]
  readonly returns?: unknown
  readonly errors?: readonly string[]
  readonly isGuarded: boolean
}

export interface OfferedVersion {
  readonly version: string
  /** By name. */
  readonly methods: readonly Described[]
}

export interface OfferedService {
  readonly service: string
  /** The newest first. */
  readonly versions: readonly OfferedVersion[]
}

const ROUTER = 'waybill.Router'
const DESCRIBE_MS = 2000
/** What a service says of itself beyond this is passed over, and its methods are known by their names. */
const MOST_BYTES = 256 * 1024

type Kept = Map<number, readonly Described[]>

export class Offered {
  readonly #kept = new WeakMap<Conversation, Kept>()

  /** By name. `only`: this service. */
  async to(conversation: Conversation, only?: string): Promise<readonly OfferedService[]> {
    const before = this.#kept.get(conversation) ?? new Map<number, readonly Described[]>()
    const now: Kept = new Map()
    const listed = await asked(conversation, ROUTER, 'services', [])
    const methods = new Map<string, Map<string, ReadonlySet<string>>>()
    for (const info of objects(listed)) {
      const [service, version] = [String(info['service']), String(info['version'])]
      if (only !== undefined && service !== only) continue
      const versions = methods.get(service) ?? new Map<string, ReadonlySet<string>>()
      methods.set(service, versions.set(version, new Set([...(versions.get(version) ?? []), ...texts(info['methods'])])))
    }
    const services = await Promise.all(
      [...methods].map(async ([service, versions]) => {
        // Who may not call it is refused, and not told of it.
        const instances = objects(await asked(conversation, ROUTER, 'instances', [service]).catch(() => []))
        const offered = [...versions].map(async ([version, names]) => {
          const instance = instances.find((one) => one['version'] === version)
          if (instance === undefined) return []
          const symbol = Number(instance['symbol'])
          const described = before.get(symbol) ?? (await describedBy(conversation, `${String(instance['id'])}/${service}@${version}`))
          if (described !== undefined) now.set(symbol, described)
          const known = new Map(described?.map((method) => [method.name, method]))
          return [{ version, methods: [...names].toSorted().map((name) => known.get(name) ?? unknown(name)) }]
        })
        return { service, versions: (await Promise.all(offered)).flat().toSorted((one, other) => rcompare(one.version, other.version)) }
      }),
    )
    if (only === undefined) this.#kept.set(conversation, now)
    return services.filter(({ versions }) => versions.length > 0).toSorted((one, other) => (one.service < other.service ? -1 : 1))
  }
}

async function describedBy(conversation: Conversation, address: string): Promise<readonly Described[] | undefined> {
  try {
    const said = await asked(conversation, address, DESCRIBE, [])
    if (JSON.stringify(said).length > MOST_BYTES) return undefined
    return objects((said as Json)['methods']).map(methodOf)
  } catch {
    return undefined
  }
}

function methodOf(said: Json): Described {
  const { name, idempotent, parameters, returns, errors, guarded } = said
  return {
    name: String(name),
    idempotent: idempotent === true,
    ...(Array.isArray(parameters) && { parameters: parameters as unknown[] }),
    ...(returns !== undefined && { returns }),
    ...(Array.isArray(errors) && { errors: texts(errors) }),
    isGuarded: guarded === true,
  }
}

function unknown(name: string): Described {
  return { name, idempotent: false, isGuarded: false }
}

/** What a call gives, parsed. Rejects where it fails. */
async function asked(conversation: Conversation, destination: string, method: string, args: readonly unknown[]): Promise<unknown> {
  const classname = /^(?:.*\/)?([^@]*)/.exec(destination)![1]!
  const waiting = new Waiting()
  const message = {
    routing: [null, destination],
    replyto: conversation.name,
    statuses: false,
    ttl: DESCRIBE_MS,
    request: { classname, method, args },
  }
  conversation.ask(bytesOf(JSON.stringify(message)), waiting)
  const outcome = await waiting.outcome
  if (outcome.kind !== 'value') throw new WaybillError('Rejected', outcome.kind === 'failed' ? outcome.failure.text : 'no value came')
  return outcome.text === undefined ? undefined : (JSON.parse(Buffer.from(outcome.text).toString()) as unknown)
}

function objects(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter((one): one is Json => typeof one === 'object' && one !== null) : []
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
}
