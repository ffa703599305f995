/** What is exposed, in standard mode as esbuild compiles it. The other modes: `modes.test.ts`. */
import { contractOf, contractStore, isExposable, type ServiceContract } from '@waybill/core'
import { expect, test } from 'vitest'
import { Local, Method, Remote } from '../src/index.js'

class Asleep extends Error {}
class Lost extends Error {}

const names = (contract: ServiceContract): string[] => [...contract.methods.keys()].toSorted()
const refused = (code: string, text: string): unknown =>
  expect.objectContaining({ code, executed: 'no', message: expect.stringContaining(text) as string })
/** A decorator of somebody else, which puts its own function in the method's place. */
function Wrap<F extends (...args: never) => unknown>(method: F, _context: ClassMethodDecoratorContext): F {
  return function (this: unknown, ...args: never) {
    return method.apply(this, args)
  } as F
}

@Remote
class Bare {
  bark(): string {
    return 'wuff'
  }
}

test('bare, called and with terms', () => {
  @Remote()
  class Called extends Bare {
    own(): void {}
  }
  @Remote({ name: 'zoo.Dog', version: '1.2.0-rc.1', labels: { region: 'eu' }, concurrency: 3 })
  class Termed {
    bark(): void {}
  }
  expect(contractOf(Bare)).toMatchObject({ name: 'Bare', version: '0.0.0', labels: {} })
  expect(contractOf(Called)).toMatchObject({ name: 'Called' })
  expect(names(contractOf(Called))).toEqual(['bark', 'own'])
  expect(contractOf(new Termed())).toMatchObject({ name: 'zoo.Dog', version: '1.2.0-rc.1', labels: { region: 'eu' }, concurrency: 3 })
})

test('never exposed: _names, #private, accessors, fields, symbols, statics, reserved names', () => {
  let ran = 0
  @Remote
  class Dog {
    static create(): void {}
    field = (): number => ran++
    bark(): void {
      this.#secret()
    }
    #secret(): void {}
    _internal(): void {}
    get kind(): () => void {
      ran++
      return () => {}
    }
    [Symbol.iterator](): void {}
    // oxlint-disable-next-line unicorn/no-thenable
    then(): void {}
    toJSON(): void {}
    toString(): string {
      return ''
    }
    valueOf(): object {
      return {}
    }
  }
  expect(names(contractOf(new Dog()))).toEqual(['bark'])
  for (const name of ['__proto__', 'constructor', 'hasOwnProperty', '', 'create', '#secret']) {
    expect(contractOf(Dog).methods.get(name), name).toBeUndefined()
  }
  expect(ran).toBe(0)
})

test('an own property of the instance does not take the place of the method', () => {
  const dog = new Bare()
  Object.defineProperty(dog, 'bark', { value: () => 'forged' })
  expect(contractOf(dog).methods.get('bark')!.invoke.call(dog)).toBe('wuff')
})

test('an accessor of a subclass hides the method, rather than call past it', () => {
  @Remote
  class Dog {
    bark(): void {}
    walk(): void {}
  }
  class Hiding extends Dog {}
  Object.defineProperty(Hiding.prototype, 'bark', { get: () => () => 'forged' })
  expect(names(contractOf(Hiding))).toEqual(['walk'])
})

test('once any method carries @Method, only those, over the whole @Remote chain', () => {
  @Remote
  class Parent {
    @Method
    marked(): void {}
    plain(): void {}
  }
  @Remote
  class Child extends Parent {
    own(): void {}
    override marked(): void {}
  }
  expect(names(contractOf(Parent))).toEqual(['marked'])
  expect(names(contractOf(Child))).toEqual(['marked'])
})

test('ancestors that are not @Remote expose nothing of their own', () => {
  class Animal {
    sleep(): void {}
  }
  @Remote
  class Dog extends Animal {
    bark(): string {
      return 'dog'
    }
  }
  class Between extends Dog {
    between(): void {}
  }
  @Remote
  class Puppy extends Between {
    play(): void {}
  }
  class Fake extends Dog {
    override bark(): string {
      return 'fake'
    }
    extra(): void {}
  }
  expect(names(contractOf(Dog))).toEqual(['bark'])
  expect(names(contractOf(Puppy))).toEqual(['bark', 'play'])
  expect(contractOf(Fake).name).toBe('Dog')
  expect(names(contractOf(Fake))).toEqual(['bark'])
  expect(contractOf(Fake).methods.get('bark')!.invoke.call(new Fake())).toBe('fake')
})

test('an override inherits the contract, and changes it term by term', () => {
  @Remote({ errors: [Lost] })
  class Parent {
    @Method({ idempotent: true, timeout: '5s', errors: [Asleep] })
    bark(): void {}
    @Method({ idempotent: true, timeout: '5s' })
    walk(): void {}
  }
  @Remote
  class Child extends Parent {
    override bark(): void {}
    @Method({ timeout: 100, concurrency: 2 })
    override walk(): void {}
  }
  const { methods } = contractOf(Child)
  expect(methods.get('bark')).toMatchObject({ idempotent: true, timeoutMs: 5000, errors: [Asleep, Lost] })
  expect(methods.get('walk')).toMatchObject({ idempotent: true, timeoutMs: 100, concurrency: 2, errors: [Lost] })
})

test('@Local holds by name: overridden, wrapped, and marked by a subclass', () => {
  @Remote
  class Parent {
    bark(): void {}
    @Local
    bare(): void {}
    @Wrap
    @Local()
    wrapped(): void {}
    later(): void {}
  }
  @Remote
  class Child extends Parent {
    override bare(): void {}
    override wrapped(): void {}
    @Wrap
    @Local()
    override later(): void {}
  }
  class Undecorated extends Parent {
    @Wrap
    @Local
    override later(): void {}
  }
  expect(names(contractOf(Parent))).toEqual(['bark', 'later'])
  expect(names(contractOf(Child))).toEqual(['bark'])
  expect(names(contractOf(Undecorated))).toEqual(['bark'])
})

test('a wrapper around @Method keeps the contract and is what runs', () => {
  let wrapped = 0
  function Count<F extends (...args: never) => unknown>(method: F, _context: ClassMethodDecoratorContext): F {
    return function (this: unknown, ...args: never) {
      wrapped++
      return method.apply(this, args)
    } as F
  }
  @Remote
  class Dog {
    @Count
    @Method({ idempotent: true })
    bark(): string {
      return 'wuff'
    }
  }
  const bark = contractOf(Dog).methods.get('bark')!
  expect(bark.idempotent).toBe(true)
  expect(bark.invoke.call(new Dog())).toBe('wuff')
  expect(wrapped).toBe(1)
})

test('records stand exactly where they were made: terms of the outermost, the length of the innermost', () => {
  class Dog {
    @Method({ timeout: 1, concurrency: 1 })
    @Wrap
    @Method({ timeout: 2, idempotent: true })
    bark(phrase: string): string {
      return phrase
    }
  }
  class Puppy extends Dog {}
  const store = contractStore()!
  const terms = { timeout: 1, concurrency: 1, idempotent: true }
  expect(store.member(Dog.prototype, 'bark')).toEqual({ terms, length: 1 })
  expect(store.member(Puppy.prototype, 'bark')).toBeUndefined()
  expect(store.service(Dog.prototype)).toBeUndefined()
})

test('a marked function keeps its mark under another name', () => {
  class Mixin {
    @Local
    secret(): void {}
  }
  @Remote
  class Dog {
    bark(): void {}
  }
  Object.defineProperty(Dog.prototype, 'alias', Object.getOwnPropertyDescriptor(Mixin.prototype, 'secret')!)
  expect(names(contractOf(Dog))).toEqual(['bark'])
})

test('contradictions are refused when resolved', () => {
  @Remote
  class Thenable {
    @Method
    // oxlint-disable-next-line unicorn/no-thenable
    then(): void {}
  }
  @Remote
  class Internal {
    @Method()
    _x(): void {}
  }
  @Remote
  class Both {
    @Local
    @Method
    bark(): void {}
  }
  @Remote
  class Reopened extends Both {
    @Method
    override bark(): void {}
  }
  @Remote
  class Empty {}
  expect(() => contractOf(Thenable)).toThrow(refused('NotExposed', "'then'"))
  expect(() => contractOf(Internal)).toThrow(refused('NotExposed', "'_x'"))
  expect(() => contractOf(Both)).toThrow(refused('NotExposed', "'bark'"))
  expect(() => contractOf(Reopened)).toThrow(refused('NotExposed', "'bark'"))
  expect(() => contractOf(Empty)).toThrow(refused('NotExposed', 'no public method'))
})

test('@Method and @Local are for public methods of instances only', () => {
  const apply = Method as unknown as (method: unknown, context: object) => void
  for (const context of [
    { kind: 'method', static: true, private: false, name: 'x' },
    { kind: 'method', static: false, private: true, name: '#x' },
    { kind: 'getter', static: false, private: false, name: 'x' },
    { kind: 'field', static: false, private: false, name: 'x' },
    { kind: 'method', static: false, private: false, name: Symbol('x') },
  ]) {
    expect(() => apply(() => {}, { metadata: {}, ...context })).toThrow(refused('NotExposed', '@Method'))
  }
})

test('a compiler without context.metadata is refused, as @Local would not hold under a wrapper', () => {
  const apply = Local as unknown as (method: unknown, context: object) => void
  const context = { kind: 'method', static: false, private: false, name: 'x' }
  expect(() => apply(() => {}, context)).toThrow(refused('Unsupported', 'context.metadata'))
})

test('guards, isolation and the module stand in the contract', () => {
  const guard = (): boolean => true
  @Remote({ module: 'file:///dog.js' })
  class Dog {
    @Method({ isolate: 'process', guard })
    bark(): void {}
  }
  const contract = contractOf(Dog)
  expect(contract.module).toBe('file:///dog.js')
  expect(contract.methods.get('bark')).toMatchObject({ isolate: 'process', guard })
})

test('malformed names and versions are refused', () => {
  const bad = [{ name: 'a b' }, { version: '1' }, { version: '^1.0.0' }, { labels: { x: 'a b' } }, { concurrency: 0 }]
  for (const terms of bad) {
    @Remote(terms)
    class Dog {
      bark(): void {}
    }
    expect(() => contractOf(Dog)).toThrow(refused('BadAddress', ''))
  }
})

test('an instance is shared; a class has an instance for each call, unless it says otherwise', () => {
  @Remote({ instance: 'session' })
  class Dog {
    bark(): void {}
  }
  expect(contractOf(Bare).instance).toBe('call')
  expect(contractOf(new Bare()).instance).toBe('shared')
  expect(contractOf(Dog).instance).toBe('session')
  expect(contractOf(new Dog()).instance).toBe('shared')
  expect(contractOf(Dog)).toBe(contractOf(Dog))
})

test('the class may be replaced by another decorator above', () => {
  const Replace = <C extends new (...args: never[]) => object>(target: C, _context: ClassDecoratorContext): C => class extends target {}
  @Replace
  @Remote({ name: 'Dog' })
  class Dog {
    bark(): void {}
    @Wrap
    @Local
    hidden(): void {}
  }
  expect(contractOf(Dog).name).toBe('Dog')
  expect(names(contractOf(new Dog()))).toEqual(['bark'])
})

test('the name is the one the class was declared with, also where another class was put in its place below', () => {
  const anonymous = (() =>
    class {
      bark(): void {}
    })()
  const apply = Remote as unknown as (target: unknown, context: object) => void
  apply(anonymous, { kind: 'class', name: 'Dog', metadata: {} })
  expect(contractOf(anonymous).name).toBe('Dog')
})

test('what travels by reference is known without a throw', () => {
  expect([isExposable(new Bare()), isExposable(Bare), isExposable({}), isExposable(new Date())]).toEqual([true, true, false, false])
})
