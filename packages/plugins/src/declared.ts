/** Reads what a module says it is, and refuses in words for its author. Past it nothing of a module is doubted. Must not know where it came from. */
import { isMethodName, isName, isReserved } from '@waybill/core'
import type { Action } from './define.js'

export interface Declared {
  readonly name: string
  readonly version: string | undefined
  readonly actions: ReadonlyMap<string, Action>
  /** Functions of the module that nobody may call: they are known, so that who asks is told so. */
  readonly undeclared: readonly string[]
}

const inputs: readonly unknown[] = ['bytes', 'buffer', 'file'] satisfies Action['input'][]

/** Throws what is wrong and how it is right. */
export function declaredBy(module: object): Declared {
  const { plugin } = module as { readonly plugin?: unknown }
  if (!isObject(plugin)) {
    throw new TypeError(
      'it exports no `plugin`: write `export const plugin = { name, actions }`, or begin the name of the file with _ where it is none',
    )
  }
  const { name, version, actions } = plugin
  if (typeof name !== 'string' || !isName(name))
    throw new TypeError('the `name` of its plugin is no name: take 1 to 64 letters, digits, _ and -')
  if (version !== undefined && typeof version !== 'string') throw new TypeError("the `version` of its plugin is no text such as '1.0.0'")
  if (!isObject(actions) || Object.keys(actions).length === 0)
    throw new TypeError("its plugin has no `actions`: write `actions: { execute: { input: 'bytes', run(bytes) {} } }`")
  const declared = new Map(Object.entries(actions).map(([action, terms]) => [action, checked(action, terms)]))
  const undeclared = Object.entries(module)
    .filter(([exported, value]) => typeof value === 'function' && !declared.has(exported) && isCallable(exported))
    .map(([exported]) => exported)
  return { name, version, actions: declared, undeclared }
}

function checked(name: string, action: unknown): Action {
  if (!isCallable(name)) throw new TypeError(`its action '${name}' can never be called: take a name like that of a method`)
  if (!isObject(action) || typeof action['run'] !== 'function')
    throw new TypeError(`its action '${name}' has no function \`run\`: write \`${name}: { input: 'bytes', run(bytes) {} }\``)
  if (!inputs.includes(action['input'])) throw new TypeError(`the \`input\` of its action '${name}' is none of ${inputs.join(', ')}`)
  for (const bound of ['maxInputBytes', 'concurrency']) {
    const value = action[bound]
    if (value !== undefined && !(Number.isSafeInteger(value) && (value as number) > 0))
      throw new TypeError(`the \`${bound}\` of its action '${name}' is no whole number from 1 on`)
  }
  return action as unknown as Action
}

function isCallable(name: string): boolean {
  return isMethodName(name) && !isReserved(name)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
