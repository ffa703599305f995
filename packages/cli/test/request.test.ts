/** What `waybill call` makes of the text that it is given. */
import { describe, expect, it } from 'vitest'
import { UsageError } from '../src/exits.js'
import { readArgument, readData, readDuration, readTarget } from '../src/request.js'

describe('a target', () => {
  it.each([
    ['Dog.bark', {}, 'Dog', 'bark'],
    ['waybill.Router.info', {}, 'waybill.Router', 'info'],
    ['Dog@^1.2.bark', {}, 'Dog@^1.2', 'bark'],
    ['kennel/Dog.bark', {}, 'kennel/Dog', 'bark'],
    ['Dog?region=eu.bark', {}, 'Dog?region=eu', 'bark'],
    ['Dog@^1.bark', { on: 'kennel', version: '^2' }, 'kennel/Dog@^2', 'bark'],
  ])('%s %j', (text, options, address, method) => expect(readTarget(text, options)).toEqual({ address, method }))

  it.each([
    ['Dog', {}, /names no method/],
    ['.bark', {}, /names no method/],
    ['Dog.', {}, /"" is not the name of a method/],
    ['Dog.bark@^1', {}, /"bark@\^1" is not the name of a method/],
    ['Dog.bark@^1.2', {}, /"2" is not the name of a method/],
    ['Dog.then', {}, /then can never be called/],
    ['D g.bark', {}, /is not a service name/],
    ['Dog.bark', { on: 'a b' }, /is not a client name/],
    ['Dog.bark', { version: '' }, /is not a version range/],
  ])('%s %j is refused', (text, options, says) => {
    expect(() => readTarget(text, options)).toThrow(says)
    expect(() => readTarget(text, options)).toThrow(UsageError)
  })
})

it.each([
  ['42', 42],
  ['"42"', '42'],
  ['null', null],
  ['[1', '[1'],
  ['', ''],
  ['9007199254740991', 9007199254740991],
  ['1e300', 1e300],
])('the argument %s', (text, value) => expect(readArgument(text)).toEqual(value))

it.each(['9007199254740993', '-9007199254740993'])('the argument %s would be rounded and is refused', (text) => {
  expect(() => readArgument(text)).toThrow(UsageError)
})

it('data is JSON', () => {
  expect(readData('{"a":1}')).toEqual({ a: 1 })
  expect(() => readData('{')).toThrow(UsageError)
})

it('a time has a unit or is in milliseconds', () => {
  expect([readDuration('30s', '--timeout'), readDuration('250', '--timeout')]).toEqual([30_000, 250])
  for (const text of ['soon', '0', '-1s']) expect(() => readDuration(text, '--timeout')).toThrow(/^--timeout: .* is not a time/)
})
