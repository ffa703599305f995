/** Owns how a JSON Schema is written in one line, as a type of TypeScript. Pure. What it does not know is `unknown`. */
import { printable } from './paint.js'

type Schema = Readonly<Record<string, unknown>>

/** Deeper than anybody reads. */
const DEPTH = 6

/** Of a word as it is, but that a schema of which only the vendor is known says nothing; of a JSON Schema what it allows. */
export function typeText(type: unknown): string {
  if (typeof type === 'string') return type.startsWith('schema:') ? 'unknown' : line(type)
  return written(type, 0)
}

function written(schema: unknown, depth: number): string {
  if (schema === false) return 'never'
  if (typeof schema !== 'object' || schema === null) return 'unknown'
  if (depth > DEPTH) return '…'
  const { $ref, const: only, enum: some, anyOf, oneOf, allOf, type } = schema as Schema
  const inner = (one: unknown): string => written(one, depth + 1)
  if (typeof $ref === 'string') return line($ref.split('/').at(-1) || '…')
  if ('const' in schema) return literal(only)
  if (Array.isArray(some)) return joined(some.map(literal), ' | ')
  for (const union of [anyOf, oneOf]) if (Array.isArray(union)) return joined(union.map(inner), ' | ')
  if (Array.isArray(allOf))
    return joined(
      allOf.map((one) => bracketed(inner(one))),
      ' & ',
    )
  if (Array.isArray(type))
    return joined(
      type.map((one) => simple(one, schema as Schema, inner)),
      ' | ',
    )
  return simple(type, schema as Schema, inner)
}

function simple(type: unknown, schema: Schema, inner: (schema: unknown) => string): string {
  switch (type) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'null':
      return type
    case 'integer':
      return 'number'
    case 'array': {
      const { items, prefixItems } = schema
      if (Array.isArray(prefixItems)) return `[${prefixItems.map(inner).join(', ')}]`
      return `${bracketed(inner(items))}[]`
    }
    case 'object':
      return object(schema, inner)
    default:
      return 'unknown'
  }
}

function object({ properties, required, additionalProperties }: Schema, inner: (schema: unknown) => string): string {
  const needed: readonly unknown[] = Array.isArray(required) ? required : []
  const fields = Object.entries(typeof properties === 'object' && properties !== null ? properties : {}).map(
    ([name, type]) => `${key(name)}${needed.includes(name) ? '' : '?'}: ${inner(type)}`,
  )
  if (typeof additionalProperties === 'object' && additionalProperties !== null) {
    fields.push(`[key: string]: ${inner(additionalProperties)}`)
  }
  return fields.length === 0 ? 'object' : `{ ${fields.join('; ')} }`
}

function joined(parts: readonly string[], by: string): string {
  return [...new Set(parts)].join(by) || 'never'
}

function bracketed(type: string): string {
  return / [|&] /.test(type) && !/^[{[]/.test(type) ? `(${type})` : type
}

function key(name: string): string {
  return /^[\p{L}_$][\p{L}\d_$]*$/u.test(name) ? name : literal(name)
}

function literal(value: unknown): string {
  return line(typeof value === 'string' ? `'${value.replaceAll("'", String.raw`\'`)}'` : JSON.stringify(value))
}

function line(text: string): string {
  return printable(text).replaceAll('\n', String.raw`\n`)
}
