/**
 * What `strace -f -yy -xx` wrote, as events: writes, syncs, files that were made. In the order in which the system finished with them, which is also
 * that of cause and effect. Knows the text of strace and nothing of what was written.
 */

export type Event =
  /** To a file or a socket, as `target` says: a path, or `TCP:[…]`. `begun` and `done` are lines of the trace. */
  | { readonly kind: 'write'; readonly target: string; readonly bytes: Buffer; readonly begun: number; readonly done: number }
  | { readonly kind: 'sync'; readonly target: string; readonly begun: number; readonly done: number }
  | { readonly kind: 'made'; readonly target: string; readonly done: number }

/** For strace: all that libuv may write and sync with. */
export const TRACED = ['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'sendto', 'sendmsg', 'fdatasync', 'fsync', 'openat'] as const
/** Enough for a whole group of records. */
export const MOST_BYTES = 1_048_576

/** So much longer takes each sync, as on a slow disk: who does not wait for it is seen, however busy the machine is. */
const SLOWER_US = 4000

export function straceCommand(output: string): readonly string[] {
  const traced = `trace=${TRACED.join(',')}`
  const slower = `inject=fdatasync,fsync:delay_enter=${SLOWER_US}`
  // The tracer is the grandchild, so that the process that was started is the one that is traced.
  return ['strace', '-D', '-f', '-qq', '-yy', '-xx', '-s', String(MOST_BYTES), '-e', traced, '-e', slower, '--seccomp-bpf', '-o', output]
}

interface Begun {
  readonly text: string
  readonly line: number
}

export async function* eventsOf(lines: AsyncIterable<string> | Iterable<string>): AsyncGenerator<Event> {
  const unfinished = new Map<string, Begun>()
  let line = 0
  for await (const text of lines) {
    line++
    const match = /^(\d+) +(.*)$/.exec(text)
    if (match === null) continue
    const [, thread, what] = match as unknown as [string, string, string]
    const began = /^(.*) <unfinished \.\.\.>$/.exec(what)
    if (began !== null) {
      unfinished.set(thread, { text: began[1]!, line })
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(what)
    const start = resumed === null ? undefined : unfinished.get(thread)
    unfinished.delete(thread)
    if (resumed !== null && start === undefined) continue
    const event = eventOf(start === undefined ? what : start.text + resumed![1]!, start?.line ?? line, line)
    if (event !== undefined) yield event
  }
}

/** Undefined for what failed, and what was written to neither file nor socket. */
function eventOf(text: string, begun: number, done: number): Event | undefined {
  const call = /^(\w+)\((.*)\) += (\d+)(<.*>)?(?: \(DELAYED\))?$/s.exec(text)
  if (call === null) return undefined
  const [, name, inside, returned, gave] = call as unknown as [string, string, string, string, string | undefined]
  if (name === 'openat') return inside.includes('O_CREAT') && gave !== undefined ? { kind: 'made', target: nameIn(gave), done } : undefined
  const target = nameIn(inside)
  if (name === 'fdatasync' || name === 'fsync') return { kind: 'sync', target, begun, done }
  const parts = Array.from(inside.matchAll(/"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?/g), ([, hex, cut]) => {
    if (cut !== undefined) throw new Error(`line ${done} of the trace has only the beginning of what was written`)
    return Buffer.from(hex!.replaceAll('\\x', ''), 'hex')
  })
  return { kind: 'write', target, bytes: Buffer.concat(parts).subarray(0, Number(returned)), begun, done }
}

/** What the first descriptor is of: a path, or a socket with both ends. */
function nameIn(text: string): string {
  const name = /<((?:\\x[0-9a-f]{2})+|(?:TCP|UNIX)\S*?\])/.exec(text)?.[1] ?? ''
  return name.startsWith('\\x') ? Buffer.from(name.replaceAll('\\x', ''), 'hex').toString() : name
}
