/**
 * Runs calls in processes of their own, one a call. Owns the processes: none outlives its call, its client, or this process. Knows of a call only
 * what its method sees.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { availableParallelism } from 'node:os'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { reviveError, WaybillError } from '@waybill/core'
import type { BodyLimits, CurrentCall, ErrorClass, Ports, Progress, Timer } from '@waybill/core'
import { pack, unpack, type FromChild, type Packed, type ThrownThere, type ToChild } from './messages.js'

/** How long a process may take to end by itself when its call has ended. */
const END_GRACE_MS = 250

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url))

/** Every process of ours, whichever client it is for. */
const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** Where the class is found, over there. */
export interface Origin {
  readonly module: string
  readonly className: string
}

/** What is asked of a call that runs elsewhere. */
export interface IsolatedCall extends CurrentCall {
  readonly args: readonly unknown[]
  readonly construct: { readonly args: readonly unknown[] } | undefined
  readonly contract: { readonly errors: readonly ErrorClass[] }
  /** Set while the process runs: ends it at once. */
  kill: (() => void) | undefined
}

type OfDeed = Extract<FromChild, { readonly asked: number }>

/** Something that the method does once, while it is done. */
interface Deed {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: WaybillError) => void
}

/** Why the process gave no answer of the method, as the caller is to read it. */
export class Outside extends Error {
  readonly isOutside = true
  constructor(readonly error: WaybillError) {
    super(error.message)
  }
}

export class Isolation {
  /** Of the calls whose concurrency nobody has declared. */
  readonly slots = { running: 0, most: availableParallelism() }
  readonly #ports: Ports
  readonly #limits: BodyLimits
  readonly #report: (call: CurrentCall, error: unknown) => string

  /** `report` takes note of what callers are not told, and returns its number. */
  constructor(parts: { ports: Ports; limits: BodyLimits; report: (call: CurrentCall, error: unknown) => string }) {
    this.#ports = parts.ports
    this.#limits = parts.limits
    this.#report = parts.report
  }

  /** Resolves with what the method returned. Rejects with what it threw, or with `Outside`. */
  run(call: IsolatedCall, origin: Origin): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { clock } = this.#ports
      const child = fork(CHILD, [String(process.pid)], {
        serialization: 'advanced',
        execArgv: process.execArgv.filter((option) => !option.startsWith('--inspect')),
      })
      children.add(child)
      const say = (message: ToChild): void => void (child.connected && child.send(message, () => {}))
      const abort = (): void => {
        const { code, message } = WaybillError.from(call.signal.reason)
        say({ kind: 'abort', code, message })
      }
      const deeds = new Map<number, Deed>()
      let grace: Timer | undefined
      let isOver = false
      /** At the end of the call, whatever it was: the process has nothing left to do. */
      const over = (settle: () => void): void => {
        if (isOver) return
        isOver = true
        call.kill = undefined
        call.signal.removeEventListener('abort', abort)
        if (child.connected) child.disconnect()
        if (children.has(child)) grace = clock.timer(END_GRACE_MS, () => child.kill('SIGKILL'))
        settle()
      }
      const gone = (): void => {
        children.delete(child)
        grace?.cancel()
        over(() =>
          reject(new Outside(new WaybillError('WorkerLost', `the process of the call ${howItEnded(child)}`, { executed: 'maybe' }))),
        )
      }
      child.on('error', (cause) => {
        children.delete(child)
        over(() => reject(new Outside(new WaybillError('WorkerLost', 'the process of the call could not be reached', { cause }))))
      })
      // What it said last may still be on its way when it has ended.
      child.on('exit', () => (child.connected ? child.once('disconnect', gone) : gone()))
      child.on('message', (message) => {
        const said = message as FromChild
        if (isOver) return
        if ('asked' in said) return this.#ofDeed(call, said, deeds, say)
        this.#heard(
          call,
          said,
          (value) => over(() => resolve(value)),
          (error) => over(() => reject(error)),
        )
      })
      call.kill = () => void child.kill('SIGKILL')
      try {
        say({ kind: 'run', ...origin, limits: { ...this.#limits }, call: fieldsOf(call, clock.nowMs()), given: this.#given(call) })
      } catch (thrown) {
        return over(() => reject(thrown))
      }
      call.signal.addEventListener('abort', abort)
      if (call.signal.aborted) abort()
    })
  }

  #given({ args, construct, data }: IsolatedCall): Packed {
    // What arrived together may be written together, whatever it comes to.
    const limits = { ...this.#limits, maxBodyBytes: 2 * this.#limits.maxBodyBytes }
    return pack({ args, construct: construct?.args ?? [], data }, limits, 'call')
  }

  /** What the method does once, over there. */
  #ofDeed(call: IsolatedCall, message: OfDeed, deeds: Map<number, Deed>, say: (message: ToChild) => void): void {
    const { asked } = message
    const deed = deeds.get(asked)
    if (message.kind === 'failed') return deed?.reject(new WaybillError('RemoteException', 'it threw'))
    if (message.kind === 'ran') {
      try {
        return deed?.resolve(unpack(message.value, this.#limits))
      } catch (thrown) {
        return deed?.reject(WaybillError.from(thrown))
      }
    }
    const over = (answer: ToChild): void => {
      deeds.delete(asked)
      say(answer)
    }
    void call
      .once(message.key, () => {
        say({ kind: 'doIt', asked })
        return new Promise<unknown>((resolve, reject) => deeds.set(asked, { resolve, reject }))
      })
      .then((value) => over({ kind: 'recorded', asked, value: pack(value, this.#limits, 'value') }))
      .catch((thrown: unknown) => {
        const { code, message: text } = WaybillError.from(thrown)
        over({ kind: 'notRecorded', asked, code, message: text })
      })
  }

  #heard(
    call: IsolatedCall,
    message: Exclude<FromChild, OfDeed>,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ): void {
    try {
      switch (message.kind) {
        case 'progress':
          return call.progress(unpack(message.value, this.#limits) as Progress)
        case 'returned':
          return resolve(unpack(message.value, this.#limits))
        case 'threw':
          return reject(this.#revived(call, message.error))
        case 'undisposed':
          return void this.#report(call, this.#revived(call, message.error))
        case 'unbuilt': {
          const incident = this.#report(call, this.#revived(call, message.error))
          const text = `${call.service} could not be constructed; incident ${incident}`
          return reject(new Outside(new WaybillError('Rejected', text, { details: { incident } })))
        }
        case 'undeliverable': {
          const { code, message: text, details } = message
          return reject(new Outside(new WaybillError(code, text, { details, executed: 'yes' })))
        }
      }
    } catch (thrown) {
      // A progress that cannot be passed on is lost; an outcome that cannot is a fault.
      if (message.kind !== 'progress') reject(new Outside(WaybillError.from(thrown, 'maybe')))
    }
  }

  /** The error as it would have been here. One of no class that is known here keeps its name. */
  #revived({ contract }: IsolatedCall, packed: Packed): Error {
    const { xclass, message, xstate, stack } = unpack(packed, this.#limits) as ThrownThere
    const error = reviveError(xclass, message, xstate, contract.errors) ?? nameless(xclass, message)
    Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true })
    return error
  }
}

function fieldsOf(call: IsolatedCall, nowMs: number) {
  const { sn, service, method, attempt, parent, deadlineMs } = call
  const { client, principal } = call.caller
  return {
    sn,
    service,
    method,
    caller: { client, principal },
    attempt,
    parent,
    leftMs: deadlineMs === undefined ? undefined : deadlineMs - nowMs,
  }
}

/** Of a class that has the name and nothing else. */
function nameless(name: string, message: string): Error {
  const classes = { [name]: class extends Error {} }
  return new classes[name]!(message)
}

function howItEnded({ exitCode, signalCode }: ChildProcess): string {
  return signalCode === null ? `ended with exit code ${exitCode}` : `was ended by ${signalCode}`
}
