/** Owns how a function is read off an object of the user's without running any of their code. */

/** What stands there itself. An accessor is not looked behind, but for those of a module: bundlers write its exports as such. */
export function ownFunction(object: object, name: string): ((...args: never) => unknown) | undefined {
  const descriptor = Object.getOwnPropertyDescriptor(object, name)
  const value: unknown = descriptor?.get && isModule(object) ? (object as Record<string, unknown>)[name] : descriptor?.value
  return typeof value === 'function' ? (value as (...args: never) => unknown) : undefined
}

function isModule(object: object): boolean {
  const tag: unknown = Object.getOwnPropertyDescriptor(object, Symbol.toStringTag)?.value
  return tag === 'Module' || Object.getOwnPropertyDescriptor(object, '__esModule')?.value === true
}
