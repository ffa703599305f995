/**
 * A plugin as a service of a client: `plugins.NAME`, a method for each action that gives a stream of responses. What the module only exports has a method
 * too, whose guard lets nobody in. Must not know where a plugin came from.
 */
import { currentCall, service, streamKind } from '@waybill/core'
import type { CurrentCall, ServiceDefinition, TermsFor } from '@waybill/core'
import type { Declared } from './declared.js'
import type { Action } from './define.js'
import { isPayload, withInput } from './input.js'
import type { SentPayload } from './payload.js'
import type { ActiveWork } from './work.js'

/** Any plugin, from far away. */
export type Methods = Readonly<Record<string, (payload?: SentPayload) => AsyncGenerator<unknown, void>>>

type Terms = TermsFor<Methods[string]>

export function serviceName(plugin: string): string {
  return `plugins.${plugin}`
}

/** `active` has what is being done of it. Throws `BadAddress` where its version is none. */
export function served(plugin: Declared, active: Set<ActiveWork>): { definition: ServiceDefinition<Methods>; implementation: Methods } {
  const terms: Record<string, Terms> = {}
  const implementation: Record<string, Methods[string]> = {}
  for (const [name, action] of plugin.actions) {
    const { concurrency } = action
    terms[name] = { args: [payloadSchema], ...(concurrency !== undefined && { concurrency }) }
    implementation[name] = (payload) => responses(action, payload, currentCall(), `${plugin.name}:${name}`, active)
  }
  for (const name of plugin.undeclared) {
    terms[name] = { guard: () => false }
    implementation[name] = () => {
      throw new Error(`${name} is not declared`)
    }
  }
  const { version } = plugin
  const address = serviceName(plugin.name) + (version === undefined ? '' : `@${version}`)
  return { definition: service<Methods>(address, terms), implementation }
}

async function* responses(
  action: Action,
  payload: SentPayload | undefined,
  call: CurrentCall,
  directive: string,
  active: Set<ActiveWork>,
): AsyncGenerator<unknown, void> {
  const work = { id: call.sn, directive, sender: call.caller.client }
  active.add(work)
  try {
    yield* withInput(action, payload, async function* (input) {
      const given = await action.run(input, call)
      if (isStream(given)) yield* given
      else if (given !== undefined) yield given
    })
  } finally {
    active.delete(work)
  }
}

function isStream(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  return typeof value === 'object' && value !== null && streamKind(value) !== undefined
}

/** Refused before the action begins, so that it certainly did not run. */
const payloadSchema: NonNullable<Terms['args']>[0] = {
  '~standard': {
    version: 1,
    vendor: 'waybill',
    validate: (value) => (isPayload(value) ? { value } : { issues: [{ message: 'a payload is text, bytes, or a stream of bytes' }] }),
  },
}
