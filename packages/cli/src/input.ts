/**
 * Owns what an argument of the command stands for: itself, a file, or what comes in, as a value, as bytes or as a stream. All that can be wrong is
 * found before anything is sent: throws `UsageError`.
 */
import { accessSync, constants, createReadStream, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { UsageError } from './exits.js'
import { readArgument } from './request.js'
import type { Terminal } from './terminal.js'

export const inputText = `
An argument is JSON where it parses as JSON, else text: 42 is a number, '"42"' is
text, hello is text. What begins with a dash stands behind --. In place of one:
  @file          what stands in the file, again JSON or text; '"@rex"' is text
  -              what comes in on stdin
  bytes:@file    the bytes, in one piece: a Uint8Array. Also bytes:-
  stream:@file   the bytes as a stream: a ReadableStream. Also stream:-
  lines:@file    each line, JSON or text, as a stream of values. Also lines:-
A file whose name ends in .json must be JSON. One argument can have stdin.`

type Manner = 'value' | 'bytes' | 'stream' | 'lines'

interface Named {
  readonly manner: Manner
  /** Undefined: stdin. */
  readonly file: string | undefined
}

const NOTATION = /^(?:(bytes|stream|lines):)?(?:@(.+)|-)$/s

/** What the texts stand for, in their order. Files are read, but for streams, which are read when they are sent. */
export async function readInputs(texts: readonly string[], terminal: Terminal): Promise<unknown[]> {
  const named = texts.map(namedBy)
  if (named.filter((one) => one !== undefined && one.file === undefined).length > 1)
    throw new UsageError('two arguments want stdin, which can be read once: put one of them into a file, @file')
  for (const one of named) if (one?.file !== undefined) checkFile(one.file)
  return Promise.all(texts.map((text, index) => (named[index] === undefined ? readArgument(text) : inputOf(named[index], terminal))))
}

/** The same for one that can be no stream. */
export async function readInput(text: string, terminal: Terminal): Promise<unknown> {
  const manner = namedBy(text)?.manner
  if (manner === 'stream' || manner === 'lines') throw new UsageError(`${text}: a stream can only be the argument of a call`)
  return (await readInputs([text], terminal))[0]
}

function namedBy(text: string): Named | undefined {
  const found = NOTATION.exec(text)
  return found === null ? undefined : { manner: (found[1] ?? 'value') as Manner, file: found[2] }
}

function checkFile(file: string): void {
  try {
    accessSync(file, constants.R_OK)
    if (statSync(file).isDirectory()) throw new Error('it is a directory')
  } catch (thrown) {
    throw new UsageError(`cannot read ${file}: ${(thrown as Error).message}; text that begins with @ is written '"@rex"'`)
  }
}

function inputOf({ manner, file }: Named, { input }: Terminal): unknown {
  const open = (): AsyncIterable<Uint8Array> => (file === undefined ? input() : createReadStream(file))
  if (manner === 'stream') return streamOf(open)
  if (manner === 'lines') return linesOf(open)
  return (file === undefined ? whole(input()) : readFile(file)).then((bytes) => (manner === 'bytes' ? copyOf(bytes) : valueOf(bytes, file)))
}

function valueOf(bytes: Uint8Array, file: string | undefined): unknown {
  const name = file ?? 'stdin'
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new UsageError(`${name} is not text: give it as bytes:${file === undefined ? '-' : `@${file}`}`)
  }
  const value = readArgument(text)
  if (value === text && /\.json$/i.test(name)) throw new UsageError(`${name} is not JSON`)
  return value
}

async function whole(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  return Buffer.concat(all)
}

/** Reads no further ahead than one piece. */
function streamOf(open: () => AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  let pieces: AsyncIterator<Uint8Array> | undefined
  return new ReadableStream({
    type: 'bytes',
    pull: async (controller) => {
      pieces ??= open()[Symbol.asyncIterator]()
      for (;;) {
        const { done, value } = await pieces.next()
        if (done === true) return controller.close()
        // No stream of bytes takes a piece without any.
        if (value.byteLength > 0) return controller.enqueue(copyOf(value))
      }
    },
    cancel: async () => void (await pieces?.return?.()),
  })
}

async function* linesOf(open: () => AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let rest = ''
  const taken = function* (text: string): Generator<unknown> {
    const lines = (rest + text).split(/\r?\n/)
    rest = lines.pop()!
    for (const line of lines) if (line !== '') yield readArgument(line)
  }
  for await (const piece of open()) yield* taken(decoder.decode(piece, { stream: true }))
  yield* taken(`${decoder.decode()}\n`)
}

/** A Buffer is often a part of another one's memory; who is given it may want it for himself. */
function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes)
}
