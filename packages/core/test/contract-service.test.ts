import * as z from 'zod'
import { expect, test } from 'vitest'
import { contractOf, contractOfService, describeContract, isExposable, service, type ServiceDefinition } from '../src/index.js'

class Asleep extends Error {}

interface Dog {
  bark(phrase: string): string
  walk(km: number): Promise<'home'>
  sleep(): void
}

class RealDog implements Dog {
  #name = 'rex'
  bark(phrase: string): string {
    return this.#name + phrase
  }
  async walk(): Promise<'home'> {
    return 'home'
  }
  sleep(): void {}
}

const dog = service<Dog>(
  'Dog@1.2.0',
  { bark: { idempotent: true, errors: [Asleep], timeout: '5s' }, walk: {} },
  { labels: { region: 'eu' } },
)

test('a definition names one version, and the range that a caller asks for', () => {
  expect(dog).toMatchObject({ name: 'Dog', version: '1.2.0', range: '^1.2.0', address: 'Dog@^1.2.0' })
  expect(service<Dog>('my.Dog', {})).toMatchObject({ name: 'my.Dog', version: '0.0.0' })
})

test('a term that is misspelt is refused by name', () => {
  const of = (terms: object, own: object = {}): unknown =>
    contractOfService(service<{ a(): void }>('Q@1.0.0', { a: own }, terms), { a() {} })
  expect(() => of({}, { idempotnt: true })).toThrow("'idempotnt' is nothing that can be said of Q.a; there are idempotent,")
  expect(() => of({ lables: {} })).toThrow("'lables' is nothing that can be said of Q; there are name,")
  expect(of({ labels: { region: 'eu' } }, { idempotent: true })).toMatchObject({ name: 'Q' })
})

test('it exposes exactly the keys listed, of an object or of a class', () => {
  const contract = contractOfService(dog, new RealDog())
  expect([...contract.methods.keys()]).toEqual(['bark', 'walk'])
  expect(contract).toMatchObject({ name: 'Dog', version: '1.2.0', labels: { region: 'eu' }, instance: 'shared' })
  const bark = contract.methods.get('bark')!
  expect(bark).toMatchObject({ idempotent: true, timeoutMs: 5000, errors: [Asleep] })
  expect(bark.invoke.call(new RealDog(), '!')).toBe('rex!')
  expect(contractOfService(dog, RealDog).instance).toBe('call')
})

test('an object literal will do, an accessor, a missing and an inherited Object method will not', () => {
  const literal = { bark: (phrase: string) => phrase, walk: async () => 'home' }
  expect(contractOfService(dog, literal).methods.get('bark')!.invoke.call(literal, 'x')).toBe('x')
  let ran = false
  const getter = {
    walk: literal.walk,
    get bark() {
      ran = true
      return () => 'x'
    },
  }
  expect(() => contractOfService(dog, getter)).toThrow(
    expect.objectContaining({ code: 'NotExposed', message: expect.stringContaining("'bark'") as string }),
  )
  expect(ran).toBe(false)
  class Hiding extends RealDog {}
  Object.defineProperty(Hiding.prototype, 'bark', { get: () => () => 'x' })
  expect(() => contractOfService(dog, Hiding)).toThrow(expect.objectContaining({ code: 'NotExposed' }))
  // What all objects have is nobody's method, also where somebody gave them more.
  Object.defineProperty(Object.prototype, 'walk', { value: () => 'x', configurable: true })
  try {
    expect(() => contractOfService(dog, { bark: () => 'x' })).toThrow(expect.objectContaining({ code: 'NotExposed' }))
  } finally {
    Reflect.deleteProperty(Object.prototype, 'walk')
  }
  expect(() => contractOfService(dog, { bark: () => 'x' })).toThrow(expect.objectContaining({ code: 'NotExposed' }))
})

test('malformed addresses are refused', () => {
  for (const address of [
    '',
    'Dog@^1',
    'Dog@1',
    'Dog@1.2',
    'Dog@1.2.3.4',
    'Dog@01.2.3',
    'Dog@1.2.3+b',
    'Dog@v1.2.3',
    'Dog@1.2.3-',
    'Dog@',
    'Do g@1.2.3',
    'a..b',
    '.a',
    'Dog@1.2.3-01',
  ]) {
    expect(() => service<Dog>(address, {}), address).toThrow(expect.objectContaining({ code: 'BadAddress' }))
  }
  for (const address of ['Dog@1.2.3-rc.1', 'Dog@0.0.0', 'a.b-c_d.e2@10.20.30']) expect(service<Dog>(address, {}).address).toContain('@^')
})

test('reserved names are refused whatever the types said', () => {
  for (const name of ['then', 'toJSON', 'constructor', '_x', '#x', 'toString', 'hasOwnProperty', '']) {
    const methods = { [name]: {} } as object
    expect(() => service<Dog>('Dog@1.0.0', methods), name).toThrow(expect.objectContaining({ code: 'NotExposed' }))
  }
  const proto = JSON.parse('{"__proto__": {}}') as object
  expect(() => service<Dog>('Dog@1.0.0', proto)).toThrow(expect.objectContaining({ code: 'NotExposed' }))
})

test('guards and ways to isolate that are none are refused, and named', () => {
  for (const terms of [{ isolate: 'thread' }, { isolate: true }, { guard: true }, { guard: 'yes' }] as object[]) {
    const definition = service<Dog>('Dog@1.0.0', { bark: terms })
    const expected = expect.objectContaining({
      code: 'BadAddress',
      executed: 'no',
      message: expect.stringMatching(`is no .*${Object.keys(terms)[0]!}.* of Dog.bark`) as string,
    })
    expect(() => contractOfService(definition, new RealDog())).toThrow(expected)
  }
})

test('bad durations, concurrency and labels are refused', () => {
  const bad: ServiceDefinition<Dog>[] = [
    service<Dog>('Dog@1.0.0', { bark: { timeout: -1 } }),
    service<Dog>('Dog@1.0.0', { bark: { timeout: '1e3s' } }),
    service<Dog>('Dog@1.0.0', { bark: { timeout: Number.NaN } }),
    service<Dog>('Dog@1.0.0', { bark: { concurrency: 0 } }),
    service<Dog>('Dog@1.0.0', { bark: {} }, { concurrency: 1.5 }),
    service<Dog>('Dog@1.0.0', { bark: {} }, { labels: { 'a b': 'x' } }),
  ]
  for (const definition of bad) {
    expect(() => contractOfService(definition, new RealDog())).toThrow(expect.objectContaining({ code: 'BadAddress' }))
  }
})

test('describe is plain JSON', () => {
  const definition = service<Dog>('Dog@1.2.0', {
    bark: { args: [z.string()], returns: z.string(), errors: [Asleep], timeout: 5, concurrency: 2 },
  })
  const description = describeContract(contractOfService(definition, new RealDog()))
  expect(JSON.parse(JSON.stringify(description))).toEqual(description)
  expect(description).toEqual({
    name: 'Dog',
    version: '1.2.0',
    labels: {},
    instance: 'shared',
    methods: [
      {
        name: 'bark',
        idempotent: false,
        timeoutMs: 5,
        concurrency: 2,
        parameters: [{ $schema: expect.any(String) as string, type: 'string' }],
        returns: { $schema: expect.any(String) as string, type: 'string' },
        errors: ['Asleep'],
      },
    ],
  })
})

test('what no decorator has seen offers nothing', () => {
  const created = Object.create(null) as object
  for (const target of [{}, [], created, RealDog, new RealDog(), () => 1, new Map()]) {
    expect(() => contractOf(target)).toThrow(expect.objectContaining({ code: 'NotExposed', executed: 'no' }))
    expect(isExposable(target)).toBe(false)
  }
})
