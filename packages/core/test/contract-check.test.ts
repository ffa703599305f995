import * as z from 'zod'
import { expect, test } from 'vitest'
import { checkArguments, checkResult, WaybillError, type Schema } from '../src/index.js'

const none = { name: 'bark', args: undefined, returns: undefined, primitives: undefined }
const slow = z.string().refine(async (text) => (await Promise.resolve(text)) !== 'bad', 'is bad')

function errorOf(run: () => unknown): WaybillError {
  try {
    run()
  } catch (error) {
    if (error instanceof WaybillError) return error
  }
  throw new Error('threw nothing of ours')
}

test('without a contract the same list comes back', () => {
  const args = [1, 'x']
  expect(checkArguments(none, args)).toBe(args)
  expect(checkResult(none, args)).toBe(args)
})

test('synchronous schemas give a value and no promise, and the same list where nothing changed', () => {
  const args = ['x', 1]
  expect(checkArguments({ ...none, args: [z.string(), z.number()] }, args)).toBe(args)
  expect(checkResult({ ...none, returns: z.number() }, 1)).toBe(1)
})

test('wrong arguments are BadArguments, never executed, with the place in details.issues', () => {
  const args = [z.string(), z.object({ deep: z.array(z.number()) })]
  const error = errorOf(() => checkArguments({ ...none, args }, ['x', { deep: [1, 'no'] }]))
  expect(error).toMatchObject({ code: 'BadArguments', executed: 'no' })
  expect(error.details).toEqual({ issues: [{ path: [1, 'deep', 1], message: expect.stringContaining('number') as string }] })
})

test('a wrong result is BadResult, executed, and path is from the result down', () => {
  const error = errorOf(() => checkResult({ ...none, returns: z.object({ name: z.string() }) }, { name: 1 }))
  expect(error).toMatchObject({ code: 'BadResult', executed: 'yes', details: { issues: [{ path: ['name'] }] } })
})

test('a schema may fill in and replace values; what was given is not changed', () => {
  const args: unknown[] = []
  expect(checkArguments({ ...none, args: [z.string().default('hello')] }, args)).toEqual(['hello'])
  expect(args).toEqual([])
  expect(checkArguments({ ...none, args: [z.string().optional(), z.number().optional()] }, [])).toEqual([])
  const given = [{ a: 1, extra: 2 }]
  expect(checkArguments({ ...none, args: [z.object({ a: z.number() })] }, given)).toEqual([{ a: 1 }])
  expect(given).toEqual([{ a: 1, extra: 2 }])
})

test('more arguments than schemas are refused, as nothing would check them', () => {
  const error = errorOf(() => checkArguments({ ...none, args: [z.string()] }, ['x', 'y']))
  expect(error).toMatchObject({ code: 'BadArguments', details: { issues: [{ path: [1] }] } })
})

test('asynchronous schemas, first, last and between', async () => {
  for (const args of [
    [slow, z.number()],
    [z.number(), slow],
    [z.number(), slow, z.string().default('end')],
  ]) {
    const good = args.map((schema) => (schema === slow ? 'good' : 1)).slice(0, 2)
    const filled = args.length === 3 ? [...good, 'end'] : good
    expect(await checkArguments({ ...none, args }, good)).toEqual(filled)
    const bad = good.map((value) => (value === 'good' ? 'bad' : value))
    await expect(checkArguments({ ...none, args }, bad)).rejects.toMatchObject({
      code: 'BadArguments',
      details: { issues: [{ path: [good.indexOf('good')], message: 'is bad' }] },
    })
  }
  expect(await checkResult({ ...none, returns: slow }, 'good')).toBe('good')
  await expect(checkResult({ ...none, returns: slow }, 'bad')).rejects.toMatchObject({ code: 'BadResult' })
})

test('a schema that throws or rejects lets nothing pass', async () => {
  const broken = (validate: () => never): Schema => ({ '~standard': { version: 1, vendor: 'test', validate } })
  const throws = broken(() => {
    throw new Error('secret path')
  })
  const rejects = broken(() => Promise.reject(new Error('secret path')) as never)
  expect(errorOf(() => checkArguments({ ...none, args: [throws] }, [1]))).toMatchObject({ code: 'BadArguments', executed: 'no' })
  expect(errorOf(() => checkResult({ ...none, returns: throws }, 1))).toMatchObject({ code: 'BadResult', executed: 'yes' })
  await expect(checkArguments({ ...none, args: [rejects] }, [1])).rejects.toMatchObject({ code: 'BadArguments' })
  await expect(checkResult({ ...none, returns: rejects }, 1)).rejects.toMatchObject({ code: 'BadResult' })
  expect(errorOf(() => checkArguments({ ...none, args: [throws] }, [1])).message).not.toContain('secret')
})

test('path segments and symbols become plain; the number of issues is bounded', () => {
  const issues = Array.from({ length: 1000 }, () => ({ message: 'no', path: [{ key: 'a' }, Symbol('s'), 3] }))
  const schema: Schema = { '~standard': { version: 1, vendor: 'test', validate: () => ({ issues }) } }
  const { details } = errorOf(() => checkArguments({ ...none, args: [schema] }, [1]))
  const told = (details as { issues: { path: unknown }[] }).issues
  expect(told[0]!.path).toEqual([0, 'a', 'Symbol(s)', 3])
  expect(told.length).toBe(32)
})

test('design primitives: undefined passes, null and another type do not, unknown ones are not looked at', () => {
  const contract = { ...none, primitives: ['string', undefined, 'number', 'boolean', 'bigint'] as const }
  const args = ['x', {}, 1, true, 1n]
  expect(checkArguments(contract, args)).toBe(args)
  expect(checkArguments(contract, [])).toEqual([])
  expect(checkArguments(contract, [undefined, null])).toEqual([undefined, null])
  for (const [at, wrong] of [
    [0, 1],
    [0, null],
    [2, '1'],
    [3, 0],
    [4, 1],
  ] as const) {
    const error = errorOf(() => checkArguments(contract, args.with(at, wrong)))
    expect(error).toMatchObject({ code: 'BadArguments', executed: 'no', details: { issues: [{ path: [at] }] } })
  }
})
