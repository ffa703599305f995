/**
 * Conditions on the data that callers gave their calls, as `{ eq: ['group', 2] }`, combined by `and` and `or`. Read once, then asked for each
 * receipt. Pure. A path is names joined by dots and leads through own properties only.
 */
import { quoted, WaybillError } from '@waybill/core'

export type Condition = (data: unknown) => boolean

const MAX_DEPTH = 16
/** Each is asked of very many receipts, so what it asks is bounded. */
const MAX_VALUES = 1024
const MAX_PATH_CHARACTERS = 256
const OPERATORS = 'match, eq, neq, in, gt, lt, and, or'

/** Throws `BadArguments` where it is no condition, or one that asks too much. */
export function readCondition(value: unknown): Condition {
  if (!isWithin(value, { left: MAX_VALUES })) throw bad(`a condition has more than ${MAX_VALUES} values`)
  return conditionOf(value, 0)
}

/** Whether there are no more values in it than are left. */
function isWithin(value: unknown, room: { left: number }): boolean {
  if (--room.left < 0) return false
  if (typeof value !== 'object' || value === null) return true
  for (const one of Object.values(value)) if (!isWithin(one, room)) return false
  return true
}

function conditionOf(value: unknown, depth: number): Condition {
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
  return operand.map((one) => conditionOf(one, depth + 1))
}

function compared(operand: unknown, operator: string, holds: (found: unknown, wanted: unknown) => boolean): Condition {
  if (!Array.isArray(operand) || operand.length !== 2 || typeof operand[0] !== 'string') throw bad(`${operator} takes [path, value]`)
  const [path, wanted] = operand as [string, unknown]
  if (path.length > MAX_PATH_CHARACTERS) throw bad(`the path of ${operator} is longer than ${MAX_PATH_CHARACTERS} characters`)
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
