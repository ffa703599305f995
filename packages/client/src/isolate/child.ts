/** The process of one isolated call: imports the class, constructs it, runs the method, says what came of it, and ends with its parent. */
import process from 'node:process'
import { Worker } from 'node:worker_threads'
import { captureError, runInCall, WaybillError } from '@waybill/core'
import type { BodyLimits, CurrentCall } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import '../node.js'
import { Deeds } from './deeds.js'
import { importing } from './importing.js'
import { pack, unpack, type FromChild, type Given, type Packed, type Run, type ThrownThere, type ToChild } from './messages.js'

type Class = new (...args: readonly unknown[]) => Record<string, unknown> & Partial<AsyncDisposable & Disposable>
type Method = (...args: readonly unknown[]) => unknown

const controller = new AbortController()
let isHeard = false
let deeds: Deeds | undefined

const [, , parentPid] = process.argv
new Worker(new URL('./orphan.js', import.meta.url), { workerData: Number(parentPid) }).unref()

// Nobody waits for it any more.
process.on('disconnect', () => process.exit())
process.on('message', (message: ToChild) => {
  if (message.kind === 'abort') controller.abort(new WaybillError(message.code, message.message, { executed: 'maybe' }))
  else if (message.kind !== 'run') deeds?.heard(message)
  else if (!isHeard) {
    isHeard = true
    void run(message)
  }
})

async function run({ module, className, limits, call, given }: Run): Promise<void> {
  let object: InstanceType<Class>
  let invoke: Method
  const { args, construct, data } = unpack(given, { ...limits, maxBodyBytes: 2 * limits.maxBodyBytes }) as Given
  const { leftMs, ...fields } = call
  const both = { pack: (value: unknown) => pack(value, limits, 'value'), unpack: (packed: Packed) => unpack(packed, limits) }
  const { once } = (deeds = new Deeds({ say, ...both }))
  const current: CurrentCall = {
    ...fields,
    data,
    ...(leftMs !== undefined && { deadlineMs: systemPorts.clock.nowMs() + leftMs }),
    signal: controller.signal,
    progress: (progress) => say({ kind: 'progress', value: pack(progress, limits, 'progress') }),
    once,
  }
  try {
    const found = classIn(await importing(() => import(module) as Promise<Record<string, unknown>>), className, module)
    invoke = found.prototype[call.method] as Method
    if (typeof invoke !== 'function') throw new Error(`${className} of ${module} has no method ${call.method}`)
    object = new found(...construct)
  } catch (thrown) {
    return say({ kind: 'unbuilt', error: packError(thrown, limits) })
  }
  try {
    const value = await runInCall(current, () => invoke.apply(object, args as unknown[]))
    await dispose(object, limits)
    say(delivery(value, limits))
  } catch (thrown) {
    await dispose(object, limits)
    say({ kind: 'threw', error: packError(thrown, limits) })
  }
}

function delivery(value: unknown, limits: BodyLimits): FromChild {
  try {
    return { kind: 'returned', value: pack(value, limits, 'result') }
  } catch (thrown) {
    const { code, message, details } = WaybillError.from(thrown)
    return { kind: 'undeliverable', code, message, details }
  }
}

function classIn(exports: Record<string, unknown>, name: string, module: string): Class {
  for (const value of Object.values(exports)) if (typeof value === 'function' && value.name === name) return value as Class
  throw new Error(`${module} exports no class ${name}`)
}

/** As at the end of a block that uses it: before its outcome is known. */
async function dispose(object: Partial<AsyncDisposable & Disposable>, limits: BodyLimits): Promise<void> {
  try {
    const later = object[Symbol.asyncDispose]
    if (later === undefined) object[Symbol.dispose]?.()
    else await later.call(object)
  } catch (thrown) {
    say({ kind: 'undisposed', error: packError(thrown, limits) })
  }
}

/** With its state where that can travel; the parent knows whether it may. */
function packError(thrown: unknown, limits: BodyLimits): Packed {
  const { xclass, message, xstate } = captureError(thrown, [], true)
  const stack = thrown instanceof Error ? thrown.stack : undefined
  const told = (state: ThrownThere['xstate']): Packed =>
    pack({ xclass, message, xstate: state, stack } satisfies ThrownThere, limits, 'exception')
  try {
    return told(xstate)
  } catch {
    return told(undefined)
  }
}

function say(message: FromChild): void {
  if (process.connected) process.send!(message)
}
