/** What services say of their values, as schemas at a place of an OpenAPI document. */
import { expect, test } from 'vitest'
import { pointerTo, schemaOf } from '../src/calling/schema.js'

const place = ['paths', '/call/D~g/$b', 'post', 0]
const pointer = '#/paths/~1call~1D~0g~1%24b/post/0'

test('a pointer is a fragment of a URI', () => {
  expect(pointerTo(place)).toBe(pointer)
})

test('references of a schema to itself lead to its place, and nothing else changes', () => {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: {
      // Names of members, not keywords.
      default: { $ref: '#/$defs/Dog' },
      $ref: { type: 'string' },
      list: { type: 'array', items: [{ $ref: '#' }], default: { $ref: '#not a reference' } },
    },
    const: { $ref: '#neither' },
    anyOf: [{ $ref: 'https://example.com/dog' }, true],
    $defs: { Dog: { not: { $ref: '#/$defs/Dog' } } },
  }
  expect(schemaOf(schema, place)).toEqual({
    type: 'object',
    properties: {
      default: { $ref: `${pointer}/$defs/Dog` },
      $ref: { type: 'string' },
      list: { type: 'array', items: [{ $ref: pointer }], default: { $ref: '#not a reference' } },
    },
    const: { $ref: '#neither' },
    anyOf: [{ $ref: 'https://example.com/dog' }, true],
    $defs: { Dog: { not: { $ref: `${pointer}/$defs/Dog` } } },
  })
})

test('what a compiler said, what only a vendor could say, and what is none of these', () => {
  expect(['string', 'number', 'boolean'].map((type) => schemaOf(type, place))).toEqual([
    { type: 'string' },
    { type: 'number' },
    { type: 'boolean' },
  ])
  expect(schemaOf('bigint', place)).toEqual({ description: 'a bigint, which JSON cannot carry' })
  expect(schemaOf('schema:valibot', place)).toEqual({ description: 'checked by a schema of valibot' })
  for (const nothing of ['unknown', undefined, null, 7, []]) expect(schemaOf(nothing, place)).toEqual({})
})
