/** The OpenAPI document of what is offered: valid, the same each time, and with the schemas that services say of themselves. */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { service } from '@waybill/client'
import { harness, type Harness } from '@waybill/testkit'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { callRoutes } from '../packages/server/src/calling/routes.js'
import { JsonStage } from './json-stage.js'

type Json = Record<string, unknown>
interface Kennel {
  add(dog: z.infer<typeof Dog>, times?: number): boolean
  $count(): number
}
const Dog = z.object({
  name: z.string().min(1),
  get puppies() {
    return z.array(Dog).optional()
  },
})

async function stage(h: Harness): Promise<{ get: (path: string) => Promise<[number, Json]>; stop: () => void }> {
  const args = [Dog, z.int().optional()] as const
  const older = service<Kennel>('Kennel@1.0.0', { add: { args, returns: z.boolean() }, $count: {} })
  const newer = service<Kennel>('Kennel@2.0.0', { add: { args, returns: z.boolean(), idempotent: true, guard: () => true }, $count: {} })
  for (const [name, kennel] of [
    ['new', newer],
    ['old', older],
  ] as const) {
    await (await h.client(name)).expose(kennel, { add: () => true, $count: () => 0 })
  }
  // A JSON client's service, which says nothing of its values.
  const json = new JsonStage(h)
  json.say({ hello: { name: 'py' } })
  await h.advance(0)
  json.say({ register: { service: 'Attic', methods: ['b', 'a'] } })
  await h.advance(0)
  const app = callRoutes({ entrance: h.router, json: { ports: h.world.process('http'), audience: 'router', disclosed: (error) => error } })
  const get = async (path: string): Promise<[number, Json]> => {
    let answer: Response | undefined
    void Promise.resolve(app.fetch(new Request(`http://router.test${path}`))).then((one) => (answer = one))
    for (let turn = 0; turn < 1000 && answer === undefined; turn++) await h.advance(0)
    return [answer!.status, (await answer!.json()) as Json]
  }
  return { get, stop: () => json.door.closed({ reason: '' }) }
}

const at = (document: unknown, ...steps: string[]): unknown => steps.reduce((value, step) => (value as Json)[step], document)

/** What stands where `pointer` says. */
const resolved = (document: unknown, pointer: string): unknown =>
  at(
    document,
    ...pointer
      .slice(2)
      .split('/')
      .map((step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')),
  )

test('says what can be called, with schemas whose references lead somewhere; is valid, and stable', async () => {
  await using h = harness()
  const { get, stop } = await stage(h)
  const [status, document] = await get('/openapi.json')
  expect(status).toBe(200)
  const paths = document['paths'] as Json
  expect(Object.keys(paths)).toEqual([
    '/call/Attic/a',
    '/call/Attic/b',
    '/call/Kennel/%24count',
    '/call/Kennel/add',
    '/call/Kennel@1.0.0/%24count',
    '/call/Kennel@1.0.0/add',
  ])
  const add = at(paths, '/call/Kennel/add', 'post')
  expect(add).toMatchObject({
    operationId: 'Kennel.add',
    description:
      'Version 2.0.0. A call without a range goes to any of 2.0.0, 1.0.0. May run more than once for one call. The service asks for each call who makes it.',
    responses: { 200: { content: { 'application/json': { schema: { type: 'boolean' } } } } },
  })
  const [dog, times] = at(add, 'requestBody', 'content', 'application/json', 'schema', 'prefixItems') as [Json, Json]
  expect(times).toMatchObject({ type: 'integer' })
  expect(dog).toMatchObject({ type: 'object', properties: { name: { type: 'string', minLength: 1 } }, required: ['name'] })
  expect(dog).not.toHaveProperty('$schema')
  const reference = at(dog, 'properties', 'puppies', 'items', '$ref') as string
  expect(resolved(document, reference)).toEqual(dog)
  expect(at(paths, '/call/Attic/a', 'post', 'requestBody', 'content', 'application/json', 'schema')).toEqual({ type: 'array' })
  expect(at(document, 'components', 'responses', 'Refused', 'description')).toContain('- 404 NoSuchService: nobody offers')
  expect(await get('/openapi.json')).toEqual([200, document])
  const [, one] = await get('/openapi/Attic.json')
  expect(Object.keys(one['paths'] as Json)).toEqual(['/call/Attic/a', '/call/Attic/b'])
  expect(await get('/openapi/Loft.json')).toMatchObject([404, { code: 'NoSuchService' }])
  stop()
  const checker = spawn(process.execPath, [fileURLToPath(new URL('fixtures/openapi-check.mjs', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  checker.stdin.end(JSON.stringify([document, one, { ...document, paths: [] }]))
  const [whole, part, broken] = JSON.parse(await text(checker.stdout)) as string[]
  expect([whole, part]).toEqual(['valid', 'valid'])
  expect(broken).not.toBe('valid')
})

test('shows only what one may call, and what is offered now', async () => {
  const authorize = (_: string, action: string, { service }: { service?: string }): boolean => action !== 'call' || service !== 'Kennel'
  await using h = harness({ router: { authorize } })
  const { get, stop } = await stage(h)
  const services = async (): Promise<string[]> => Object.keys((await get('/openapi.json'))[1]['paths'] as Json)
  expect(await services()).toEqual(['/call/Attic/a', '/call/Attic/b'])
  stop()
  await h.advance(0)
  expect(await services()).toEqual([])
})
