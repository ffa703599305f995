/**
 * Owns the checks of arguments and results against a contract. Must not know calls. The hot path of a callee: where the schemas are
 * synchronous nothing is allocated beyond what they allocate, and a list that they leave alone is returned as it came.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { WaybillError } from '../errors/index.js'
import type { MethodContract } from './contract.js'
import { issuesOf, type Issue } from './issues.js'

type Checks = Pick<MethodContract, 'name' | 'args' | 'returns' | 'primitives'>
type Arguments = readonly unknown[]

/** The arguments as the schemas give them back. Throws or rejects with `BadArguments`, `details.issues` telling where. */
export function checkArguments(contract: Checks, args: Arguments): Arguments | Promise<Arguments> {
  const schemas = contract.args
  if (schemas === undefined) return contract.primitives === undefined ? args : checkPrimitives(contract, contract.primitives, args)
  if (args.length > schemas.length) {
    throw badArguments(contract, [{ path: [schemas.length], message: `takes ${schemas.length} arguments, got ${args.length}` }])
  }
  let checked: unknown[] | undefined
  for (let at = 0; at < schemas.length; at++) {
    const result = validate(contract, 'BadArguments', schemas[at]!, args[at])
    if (isPromise(result)) return checkRest(contract, schemas, checked ?? [...args], at, result)
    if (result.issues) throw badArguments(contract, issuesOf(result.issues, at))
    if (result.value !== args[at]) (checked ??= [...args])[at] = result.value
  }
  return checked ?? args
}

/** The result as the schema gives it back. Throws or rejects with `BadResult`. Give it what was awaited, not the promise. */
export function checkResult(contract: Checks, value: unknown): unknown {
  if (contract.returns === undefined) return value
  const result = validate(contract, 'BadResult', contract.returns, value)
  if (isPromise(result)) return settle(contract, 'BadResult', result).then((settled) => resultOf(contract, settled))
  return resultOf(contract, result)
}

/** From the first schema on that answered with a promise. `args` is ours to change. */
async function checkRest(
  contract: Checks,
  schemas: NonNullable<Checks['args']>,
  args: unknown[],
  from: number,
  first: Promise<StandardSchemaV1.Result<unknown>>,
): Promise<Arguments> {
  for (let at = from; at < schemas.length; at++) {
    const pending = at === from ? first : validate(contract, 'BadArguments', schemas[at]!, args[at])
    const result = isPromise(pending) ? await settle(contract, 'BadArguments', pending) : pending
    if (result.issues) throw badArguments(contract, issuesOf(result.issues, at))
    if (result.value !== args[at]) args[at] = result.value
  }
  return args
}

/** `undefined` passes: an optional parameter has the same design type. */
function checkPrimitives(contract: Checks, primitives: NonNullable<Checks['primitives']>, args: Arguments): Arguments {
  for (let at = 0; at < primitives.length; at++) {
    const wanted = primitives[at]
    if (wanted === undefined || args[at] === undefined || typeof args[at] === wanted) continue
    const got = args[at] === null ? 'null' : typeof args[at]
    throw badArguments(contract, [{ path: [at], message: `expected ${wanted}, got ${got}` }])
  }
  return args
}

function resultOf(contract: Checks, result: StandardSchemaV1.Result<unknown>): unknown {
  if (!result.issues) return result.value
  throw new WaybillError('BadResult', `the result of ${contract.name} does not fit its contract`, {
    details: { issues: issuesOf(result.issues) },
  })
}

/** A schema that throws has not let the value pass. */
function validate(contract: Checks, code: 'BadArguments' | 'BadResult', schema: StandardSchemaV1, value: unknown) {
  try {
    return schema['~standard'].validate(value)
  } catch (cause) {
    throw broken(contract, code, cause)
  }
}

function settle<R>(contract: Checks, code: 'BadArguments' | 'BadResult', result: Promise<R>): Promise<R> {
  return result.then(undefined, (cause: unknown) => {
    throw broken(contract, code, cause)
  })
}

function isPromise<R>(result: R | Promise<R>): result is Promise<R> {
  return typeof (result as Promise<R>).then === 'function'
}

function badArguments(contract: Checks, issues: readonly Issue[]): WaybillError {
  return new WaybillError('BadArguments', `the arguments of ${contract.name} do not fit its contract`, { details: { issues } })
}

function broken(contract: Checks, code: 'BadArguments' | 'BadResult', cause: unknown): WaybillError {
  return new WaybillError(code, `a schema of ${contract.name} threw`, { cause, details: { issues: [] } })
}
