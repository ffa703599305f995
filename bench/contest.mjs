// A contender at work in one cell: its three processes, started once, measured round after round. Owns processes; knows no ratios.
import { fork } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const ROLE = new URL('./role.mjs', import.meta.url)
const ROLES = /** @type {const} */ (['relay', 'worker', 'caller'])

/**
 * @typedef {{ calls: number, wallMs: number, cpuUs: number, relayUs: number, workerUs: number, callerUs: number, p50: number, p99: number }} Figures
 *   CPU is per call and in microseconds; so are the latencies
 * @typedef {{ runMs: number, warmMs: number, warmMinMs: number, warmCalls: number, answerMs: number, lifetimeMs: number, profile?: string }} Pace
 *   a process ends by itself after `lifetimeMs`, whatever happens to its parent
 */

/** A child process that answers one order at a time. */
class Role {
  constructor(contender, role, cell, { lifetimeMs, profile }) {
    const name = `${contender}.${cell.name}.${role}`
    const prof = ['--cpu-prof', '--cpu-prof-interval', '200', '--cpu-prof-dir', profile, '--cpu-prof-name', `${name}.cpuprofile`]
    this.name = name
    this.stderr = ''
    this.child = fork(ROLE, [contender, role, String(lifetimeMs)], {
      execArgv: profile ? prof : [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.child.stderr.on('data', (chunk) => (this.stderr = (this.stderr + chunk).slice(-4000)))
    this.exited = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => resolve(`ended with ${code ?? signal}`))
      this.child.once('error', (error) => this.child.pid === undefined && resolve(error.message))
    })
    this.child.on('error', () => {}) // an order that could not be sent; the exit tells
    /** Rejects when the process has ended, a moment later, when its last words have been read. */
    this.lost = this.exited.then(async (how) => {
      await delay(50)
      throw new Error(`${this.name}: ${how}\n${this.stderr}`)
    })
    this.lost.catch(() => {}) // nobody may be listening any more
  }

  /** The next answer. Does not notice that the process ends: see `lost`. */
  answer(timeoutMs) {
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`${this.name}: no answer in ${timeoutMs} ms\n${this.stderr}`))
      const timer = setTimeout(late, timeoutMs).unref()
      this.child.once('message', (message) => {
        clearTimeout(timer)
        if ('failure' in message) reject(new Error(`${this.name}: ${message.failure}`))
        else resolve(message.answer)
      })
    })
  }

  async ask(order, details, timeoutMs) {
    if (!this.child.connected) throw new Error(`${this.name}: is gone\n${this.stderr}`)
    const answer = this.answer(timeoutMs)
    this.child.send({ order, ...details })
    return answer
  }

  /** Ends the process: asked first, so that it can write its profile, then killed. */
  async end() {
    if (this.child.connected) this.child.disconnect()
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 5_000)
    await this.exited
    clearTimeout(timer)
  }
}

export class Contest {
  /** @param {string} contender @param {import('./cells.mjs').Cell} cell @param {Pace} pace */
  constructor(contender, cell, pace) {
    this.contender = contender
    this.cell = cell
    this.pace = pace
    if (pace.profile) mkdirSync(pace.profile, { recursive: true })
    this.roles = ROLES.map((role) => new Role(contender, role, cell, pace))
  }

  /** Starts the processes, connects them and warms them up. */
  start() {
    return this.#whileAllLive(this.#start())
  }

  /** One round. @returns {Promise<Figures>} */
  round() {
    return this.#whileAllLive(this.#round())
  }

  async end() {
    await Promise.all(this.roles.map((role) => role.end()))
  }

  /** Fails as soon as one of the processes is gone: the others might wait for it for ever. */
  #whileAllLive(work) {
    return Promise.race([work, ...this.roles.map((role) => role.lost)])
  }

  async #start() {
    const [relay, worker, caller] = this.roles
    const { inFlight, callees, callers, subscribers, oneWay, bodyBytes } = this.cell
    const { answerMs, warmMs, warmMinMs, warmCalls } = this.pace
    await Promise.all(this.roles.map((role) => role.answer(answerMs)))
    const url = await relay.ask('open', {}, answerMs)
    if (subscribers > 0) {
      await worker.ask('listen', { url, subscribers: subscribers - 1 }, answerMs)
      await caller.ask('dialPublisher', { url }, answerMs)
    } else if (oneWay) {
      await worker.ask('receive', { url }, answerMs)
      await caller.ask('dialSender', { url }, answerMs)
    } else {
      const addresses = await worker.ask('serve', { url, callees }, answerMs)
      await caller.ask('dial', { url, callers, addresses }, answerMs)
    }
    await caller.ask('warm', { inFlight, callees, bodyBytes, ms: warmMs, minMs: warmMinMs, maxCalls: warmCalls }, warmMs + answerMs)
  }

  async #round() {
    const [relay, worker, caller] = this.roles
    const { inFlight, callees, subscribers, bodyBytes } = this.cell
    const { answerMs, runMs } = this.pace
    const cpu = () => Promise.all([relay, worker].map((role) => role.ask('cpu', {}, answerMs)))
    // A round's first calls find caches cold and sockets idle after the others' turns.
    await caller.ask('warm', { inFlight, callees, bodyBytes, ms: runMs / 10 }, runMs + answerMs)
    await this.#settled()
    const before = await cpu()
    const counted = await caller.ask('run', { inFlight, callees, bodyBytes, ms: runMs }, runMs + answerMs)
    await this.#settled()
    const after = await cpu()
    // Of an event each delivery counts.
    const calls = counted.calls * Math.max(1, subscribers)
    const [relayUs, workerUs] = after.map((us, index) => (us - before[index]) / calls)
    const callerUs = counted.cpuUs / calls
    return { ...counted, calls, relayUs, workerUs, callerUs, cpuUs: relayUs + workerUs + callerUs }
  }

  /** Each subscriber has got each event, or each call that nobody answers has run. */
  async #settled() {
    const { subscribers, oneWay } = this.cell
    const [, worker, caller] = this.roles
    const { answerMs } = this.pace
    if (oneWay) await worker.ask('arrived', { count: await caller.ask('sent', {}, answerMs) }, answerMs)
    if (subscribers === 0) return
    await worker.ask('settled', { events: await caller.ask('published', {}, answerMs) }, answerMs)
  }
}
