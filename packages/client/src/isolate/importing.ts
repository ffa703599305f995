/** Whether this process is importing the module of an isolated method: then it must not do again what the module does in the process that offers it. */
const key = Symbol.for('waybill.importing')
const shared = globalThis as { [key]?: boolean }

export async function importing<T>(load: () => Promise<T>): Promise<T> {
  shared[key] = true
  try {
    return await load()
  } finally {
    shared[key] = false
  }
}

export function isImporting(): boolean {
  return shared[key] === true
}
