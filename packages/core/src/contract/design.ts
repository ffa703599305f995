/** Owns what the compiler's design types are worth at run time. Must not know where they are stored. */
import type { Primitive } from './contract.js'

const primitives: ReadonlyMap<unknown, Primitive> = new Map<unknown, Primitive>([
  [String, 'string'],
  [Number, 'number'],
  [Boolean, 'boolean'],
  [BigInt, 'bigint'],
])

/**
 * What can be checked of `design:paramtypes`; undefined where that is nothing. Only parameters before `length`, the first default or
 * rest: a rest looks like one more parameter of its element's type. A union is Object, an imported type Function: neither says anything.
 */
export function primitivesOf(types: readonly unknown[] | undefined, length: number): readonly (Primitive | undefined)[] | undefined {
  const known = types?.slice(0, length).map((type) => primitives.get(type))
  return known?.some((type) => type !== undefined) ? known : undefined
}
