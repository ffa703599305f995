import { isNativeError } from 'node:util/types'
import { expect, test } from 'vitest'
import { captureError, registerError, reviveError, WaybillError } from '../src/index.js'

let constructed = 0
class Asleep extends Error {
  override name = 'Asleep'
  until: number
  constructor(until: number) {
    super('asleep')
    constructed++
    this.until = until
  }
  get hours(): number {
    return this.until * 2
  }
}
registerError(Asleep)

class Hungry extends Error {
  food = 'bone'
}

test('a registered class goes and comes back as itself, with its state and without its constructor', () => {
  const captured = captureError(new Asleep(7))
  expect(captured).toMatchObject({ xclass: 'Asleep', message: 'asleep', registered: true })
  expect({ ...captured.xstate }).toEqual({ name: 'Asleep', until: 7 })
  constructed = 0
  const revived = reviveError(
    captured.xclass,
    captured.message,
    JSON.parse(JSON.stringify(captured.xstate)) as object as Record<string, unknown>,
  )
  expect(constructed).toBe(0)
  expect(revived).toBeInstanceOf(Asleep)
  expect(isNativeError(revived)).toBe(true)
  expect((revived as unknown as Asleep).hours).toBe(14)
  expect(revived).toMatchObject({ message: 'asleep', until: 7, executed: 'yes', code: 'Asleep', name: 'Asleep' })
  expect(Object.keys(revived!)).toEqual(['name', 'until'])
})

test('stack and cause stay home', () => {
  const error = Object.assign(new Asleep(1), { cause: 'secret' })
  Object.defineProperty(error, 'stack', { value: '/secret/path', enumerable: true })
  expect(Object.keys(captureError(error).xstate!)).toEqual(['name', 'until'])
})

test('an unregistered class keeps its fields, unless the service opts in', () => {
  expect(captureError(new Hungry('no bone'))).toEqual({ xclass: 'Hungry', message: 'no bone', registered: false })
  expect({ ...captureError(new Hungry(), [], true).xstate }).toEqual({ food: 'bone' })
  expect(reviveError('Hungry', '')).toBeUndefined()
})

test('a declared class travels for that contract alone', () => {
  const captured = captureError(new Hungry('no bone'), [Hungry])
  expect(captured).toMatchObject({ xclass: 'Hungry', registered: true, xstate: { food: 'bone' } })
  expect(reviveError('Hungry', 'm', captured.xstate, [Hungry])).toBeInstanceOf(Hungry)
  expect(reviveError('Hungry', 'm', captured.xstate)).toBeUndefined()
})

test('a subclass is not its registered ancestor, and our own errors are nobody else’s', () => {
  class Nap extends Asleep {
    secret = 1
  }
  expect(captureError(new Nap(1))).toEqual({ xclass: 'Nap', message: 'asleep', registered: false })
  expect(captureError(new WaybillError('NoSuchService', 'x'))).toMatchObject({ xclass: 'WaybillError', registered: false })
})

test('names of the wire reach no prototype and no global', () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'Error', 'TypeError', 'Function', 'Object', '']) {
    expect(reviveError(name, 'x', {})).toBeUndefined()
  }
})

test('hostile state becomes own data properties and nothing else', () => {
  const state = JSON.parse(
    '{"__proto__": {"polluted": 1}, "hours": 5, "stack": "s", "message": "m", "executed": "no", "code": 4}',
  ) as Record<string, unknown>
  const revived = reviveError('Asleep', 'asleep', state)!
  expect(Object.getPrototypeOf(revived)).toBe(Asleep.prototype)
  expect(Object.hasOwn(revived, '__proto__')).toBe(false)
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
  expect((revived as unknown as { polluted?: number }).polluted).toBeUndefined()
  expect(revived).toMatchObject({ message: 'asleep', executed: 'yes', hours: 5, code: 4 })
  expect(revived.stack).not.toBe('s')
  expect(new Asleep(2).hours).toBe(4)
})

test('registering: again is nothing, another class of the name is refused', () => {
  registerError(Asleep)
  const other = { Asleep: class extends Error {} }.Asleep
  expect(() => registerError(other)).toThrow(expect.objectContaining({ code: 'BadAddress' }))
  registerError(other, 'other.Asleep')
  expect(captureError(new other())).toMatchObject({ xclass: 'other.Asleep' })
  expect(reviveError('other.Asleep', '')).toBeInstanceOf(other)
  expect(() => registerError(class extends Error {}, '')).toThrow(expect.objectContaining({ code: 'BadAddress' }))
})

test('the table is shared by copies of this package', () => {
  const shared = (globalThis as Record<symbol, unknown>)[Symbol.for('waybill.errors')] as { byName: Map<string, unknown> }
  expect(shared.byName.get('Asleep')).toBe(Asleep)
})

test('whatever is thrown can be captured, and none of its code runs', () => {
  const unprintable = {
    toString() {
      throw new Error('no')
    },
  }
  const trap = new Error('x')
  let ran = false
  Object.defineProperty(trap, 'field', {
    enumerable: true,
    get() {
      ran = true
      return 1
    },
  })
  expect(captureError('text')).toEqual({ xclass: 'string', message: 'text', registered: false })
  expect(captureError(undefined)).toEqual({ xclass: 'undefined', message: 'undefined', registered: false })
  expect(captureError(unprintable).xclass).toBe('object')
  expect(captureError(Object.create(null)).message).toContain('cannot be described')
  expect(captureError(trap, [Error]).xclass).toBe('Error')
  expect(Object.keys(captureError(trap, [Error]).xstate!)).toEqual([])
  expect(ran).toBe(false)
})
