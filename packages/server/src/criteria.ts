/**
 * Conditions on the data that callers gave their calls, as `{ eq: ['group', 2] }`, combined by `and` and `or`. Read once, then asked for each
 * receipt. Pure. A path is names joined by dots and leads through own properties only.
 */
import { quoted, WaybillError } from '@waybill/core'

export type Condition = (data: unknown) => boolean

const MAX_DEPTH = 16
const OPERATORS = 'match, eq, neq, in, gt, lt, and, or'

/** Throws `BadArguments` where it is no condition. */
export function readCondition(value: unknown, depth = 0): Condition {
  if (depth > MAX_DEPTH) throw bad(`conditions nest deeper than ${MAX_DEPTH}`)
  if (!isObject(value)) throw bad('a condition is an object with one operator')
  const [[operator, operand] = ['', undefined], ...rest] = Object.entries(value)
  if (rest.length > 0) throw bad(`a condition has one operator, not ${rest.length + 1}; join them with and`)
  switch (operator) {
    case 'match':
      if (!isObject(operand)) throw bad('match takes an object that the data must contain')
      return (data) => contains(data, operand)
    case 'eq':
      return compared(operand, 'eq', (found, wanted) => same(found, wanted))
    case 'neq':
      return compared(operand, 'neq', (found, wanted) => !same(found, wanted))
    case 'gt':
      return compared(operand, 'gt', (found, wanted) => (order(found, wanted) ?? 0) > 0)
    case 'lt':
      return compared(operand, 'lt', (found, wanted) => (order(found, wanted) ?? 0) < 0)
    case 'in':
      return compared(operand, 'in', (found, wanted) => Array.isArray(wanted) && wanted.some((one) => same(found, one)))
    case 'and': {
      const all = conditions(operand, 'and', depth)
      return (data) => all.every((condition) => condition(data))
    }
    case 'or': {
      const any = conditions(operand, 'or', depth)
      return (data) => any.some((condition) => condition(data))
    }
    default:
      throw bad(`${quoted(operator)} is not an operator; there are ${OPERATORS}`)
  }
}

function conditions(operand: unknown, operator: string, depth: number): Condition[] {
  if (!Array.isArray(operand) || operand.length === 0) throw bad(`${operator} takes a list of conditions`)
  return operand.map((one) => readCondition(one, depth + 1))
}

function compared(operand: unknown, operator: string, holds: (found: unknown, wanted: unknown) => boolean): Condition {
  if (!Array.isArray(operand) || operand.length !== 2 || typeof operand[0] !== 'string') throw bad(`${operator} takes [path, value]`)
  const [path, wanted] = operand as [string, unknown]
  const names = path.split('.')
  return (data) => {
    let found = data
    for (const name of names) found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined
    return holds(found, wanted)
  }
}

function contains(data: unknown, wanted: unknown): boolean {
  if (!isObject(wanted)) return same(data, wanted)
  return isObject(data) && Object.entries(wanted).every(([name, value]) => Object.hasOwn(data, name) && contains(data[name], value))
}

/** Both are parsed JSON. */
function same(left: unknown, right: unknown): boolean {
  if (left === right) return true
  if (Array.isArray(left) && Array.isArray(right)) return left.length === right.length && left.every((one, at) => same(one, right[at]))
  if (!isObject(left) || !isObject(right)) return false
  const names = Object.keys(left)
  return names.length === Object.keys(right).length && names.every((name) => Object.hasOwn(right, name) && same(left[name], right[name]))
}

/** Numbers with numbers, texts with texts; undefined for anything else. */
function order(left: unknown, right: unknown): number | undefined {
  if (typeof left === 'number' && typeof right === 'number') return left - right
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0
  return undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function bad(message: string): WaybillError {
  return new WaybillError('BadArguments', message)
}
