/** How services and their types are shown, and the verb with a client that answers by itself. */
import { WaybillError, type Client, type ServiceDescription } from '@waybill/client'
import { expect, it } from 'vitest'
import { serviceText } from '../src/show/service.js'
import { typeText } from '../src/show/types.js'
import type { Terminal } from '../src/terminal.js'
import { describe } from '../src/verbs/describe.js'
import { ping } from '../src/verbs/ping.js'

const dog: ServiceDescription = {
  name: 'Dog',
  version: '1.2.0',
  labels: { region: 'eu' },
  instance: 'shared',
  concurrency: 8,
  methods: [
    { name: 'bark', idempotent: true, parameters: ['string'], returns: 'string' },
    {
      name: 'walk',
      idempotent: false,
      timeoutMs: 5000,
      concurrency: 2,
      parameters: [{ type: 'object', properties: { km: { type: 'number' }, with: { enum: ['rex', 'ace'] } }, required: ['km'] }],
      returns: { const: 'home' },
      errors: ['Asleep'],
    },
    { name: 'rest', idempotent: false },
  ],
}

it.each([
  ['string', 'string'],
  ['schema:zod', 'unknown'],
  [undefined, 'unknown'],
  [true, 'unknown'],
  [false, 'never'],
  [{}, 'unknown'],
  [{ type: 'integer' }, 'number'],
  [{ type: ['string', 'null'] }, 'string | null'],
  [{ const: 'a' }, "'a'"],
  [{ enum: ['a', 1, null, "it's"] }, "'a' | 1 | null | 'it\\'s'"],
  [{ type: 'array', items: { type: 'number' } }, 'number[]'],
  [{ type: 'array', items: { anyOf: [{ type: 'number' }, { type: 'string' }] } }, '(number | string)[]'],
  [{ type: 'array', prefixItems: [{ type: 'number' }, { type: 'string' }] }, '[number, string]'],
  [{ type: 'array' }, 'unknown[]'],
  [{ type: 'object' }, 'object'],
  [{ type: 'object', properties: { a: { type: 'string' }, 'b-c': {} }, required: ['a'] }, "{ a: string; 'b-c'?: unknown }"],
  [{ type: 'object', additionalProperties: { type: 'number' } }, '{ [key: string]: number }'],
  [{ allOf: [{ type: 'object' }, { anyOf: [{ type: 'string' }, { type: 'number' }] }] }, 'object & (string | number)'],
  [{ $ref: '#/$defs/Tree' }, 'Tree'],
  [{ const: '\u001B[2J\n' }, "'\\x1b[2J\\n'"],
])('%j is written %s', (schema, text) => {
  expect(typeText(schema)).toBe(text)
})

it('what is nested without end is cut', () => {
  const loop: Record<string, unknown> = { type: 'array' }
  loop['items'] = loop
  expect(typeText(loop)).toBe('…[][][][][][][]')
})

it('a service is a line, and so is each method, as far as there is room', () => {
  expect(serviceText(dog)).toEqual([
    'Dog 1.2.0: one object for all, 8 calls at once, region=eu',
    '  bark(string): string  — idempotent',
    "  walk({ km: number; with?: 'rex' | 'ace' }): 'home'  — timeout 5000 ms, 2 at once, throws Asleep",
    '  rest(…)',
  ])
  const narrow = serviceText(dog, 40)
  expect(narrow.every((line) => line.length <= 40)).toBe(true)
  expect(narrow.join(' ').replaceAll(/\s+/g, ' ')).toBe(serviceText(dog).join(' ').replaceAll(/\s+/g, ' '))
})

it('what a service says of itself cannot steer the terminal', () => {
  const [title] = serviceText({ ...dog, name: 'Dog\n\u001B[2J', methods: [] })
  expect(title).toContain('Dog \\x1b[2J 1.2.0')
})

function fake(answer: () => Promise<ServiceDescription>): { client: Client; asked: string[]; printed: string[]; terminal: Terminal } {
  const asked: string[] = []
  const printed: string[] = []
  const output = { write: (text: string | Uint8Array) => printed.push(String(text)) }
  const terminal: Terminal = { out: output, err: output, input: none, env: {}, onInterrupt: () => () => {}, exit: () => {} }
  const nobody = { clients: () => Promise.resolve([]), services: () => Promise.resolve([]), info: () => Promise.resolve({}) }
  const client = { describe: (address: string) => (asked.push(address), answer()), remote: () => nobody }
  return { client: client as unknown as Client, asked, printed, terminal }
}

it('the verb asks the client and prints what it says', async () => {
  const { client, asked, printed, terminal } = fake(() => Promise.resolve(dog))
  expect(await describe(client, 'Dog@^1', false, terminal)).toBe(0)
  expect(await describe(client, 'Dog', true, terminal)).toBe(0)
  expect(asked).toEqual(['Dog@^1', 'Dog'])
  expect(printed[0]).toBe(`${serviceText(dog).join('\n')}\n`)
  expect(JSON.parse(printed[1]!)).toEqual(dog)
})

it('a ping to a service asks it what it is, again and again', async () => {
  const { client, asked, printed, terminal } = fake(() => Promise.resolve(dog))
  expect(await ping(client, 'Dog', { count: 3, json: true }, terminal)).toBe(0)
  expect(asked).toEqual(['Dog', 'Dog', 'Dog'])
  expect(JSON.parse(printed[0]!)).toMatchObject({ target: 'Dog', count: 3 })
})

it('what is refused is told, exit code 1', async () => {
  const { client, printed, terminal } = fake(() => Promise.reject(new WaybillError('NoSuchService', 'nobody offers Cat')))
  expect(await describe(client, 'Cat', false, terminal)).toBe(1)
  expect(await ping(client, 'Cat', { count: 1 }, terminal)).toBe(1)
  expect(printed.map((text) => text.split('\n')[0])).toEqual(Array(2).fill('waybill: NoSuchService: nobody offers Cat'))
})

async function* none(): AsyncGenerator<Uint8Array> {}
