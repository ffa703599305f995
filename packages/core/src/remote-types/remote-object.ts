/** Owns the brand by which types see that a class travels by reference. Must not know how references are carried. */

declare const byReference: unique symbol

/**
 * Extend it, or merge `interface Dog extends RemoteObject {}`, and instances travel by reference, visibly to types. The brand exists in
 * types only. At run time an object travels by reference when its class is `@Remote`, whether it extends this class or not.
 */
export abstract class RemoteObject {
  declare protected readonly [byReference]: true
}
