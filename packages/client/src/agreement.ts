/**
 * Which results agree. Each value gets the number of what it holds: properties, members of sets and entries of maps in any order, elements of lists
 * in theirs, numbers, dates and bytes by value; a property that is undefined is as good as none. What contains itself agrees with nothing.
 *
 * An object is written down as its kind and the numbers of its parts, and looked up: so a value costs what it holds once, however often a part of
 * it is shared.
 */
export class Agreement {
  readonly #numbers = new Map<string, number>()
  #loops = 0

  /** The same for values that agree. */
  numberOf(value: unknown): number {
    const form = this.#form(value, new Map(), new Set())
    return form === undefined ? --this.#loops : this.#number(form)
  }

  #number(form: string): number {
    let number = this.#numbers.get(form)
    if (number === undefined) this.#numbers.set(form, (number = this.#numbers.size))
    return number
  }

  /** Undefined where the value contains itself. No two different values have the same text. */
  #form(value: unknown, known: Map<object, string>, above: Set<object>): string | undefined {
    if (typeof value === 'string') return JSON.stringify(value)
    if (typeof value === 'bigint') return `${value}n`
    // 0 and -0 are written alike.
    if (typeof value !== 'object' || value === null) return String(value)
    const before = known.get(value)
    if (before !== undefined) return before
    if (above.has(value)) return undefined
    above.add(value)
    const text = writtenDown(value, (part) => this.#form(part, known, above))
    above.delete(value)
    if (text === undefined) return undefined
    const form = `#${this.#number(text)}`
    known.set(value, form)
    return form
  }
}

type Write = (part: unknown) => string | undefined

function writtenDown(value: object, write: Write): string | undefined {
  if (Array.isArray(value)) return list('list', Array.from(value, write))
  if (value instanceof Date) return `date ${value.getTime()}`
  if (value instanceof Set) return bag('set', Array.from(value, write))
  if (value instanceof Map)
    return bag(
      'map',
      Array.from(value, ([key, one]) => pair(write(key), write(one))),
    )
  if (value instanceof URL) return `url ${value.href}`
  if (value instanceof Error) return `error ${JSON.stringify([value.name, value.message])}`
  if (value instanceof ArrayBuffer) return bytes('ArrayBuffer', new Uint8Array(value))
  if (ArrayBuffer.isView(value))
    return bytes(Object.prototype.toString.call(value), new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  const entries = Object.entries(value).filter(([, one]) => one !== undefined)
  return bag(
    'object',
    entries.map(([key, one]) => pair(JSON.stringify(key), write(one))),
  )
}

function list(kind: string, parts: readonly (string | undefined)[]): string | undefined {
  return parts.includes(undefined) ? undefined : `${kind} ${parts.join(',')}`
}

/** In any order. */
function bag(kind: string, parts: readonly (string | undefined)[]): string | undefined {
  const known = parts.filter((part) => part !== undefined)
  return known.length < parts.length
    ? undefined
    : list(
        kind,
        known.toSorted((left, right) => (left < right ? -1 : 1)),
      )
}

function pair(left: string | undefined, right: string | undefined): string | undefined {
  return left === undefined || right === undefined ? undefined : `${left}:${right}`
}

/** One character a byte. */
function bytes(kind: string, content: Uint8Array): string {
  return `${kind} ${new TextDecoder('latin1').decode(content)}`
}
