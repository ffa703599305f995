/** The one table of errors, and the one class: what follows from the table, and what other processes learn of an error. */
import { describe, expect, it } from 'vitest'
import { codes, disclosed, isCode, mintIncident, RemoteException, WaybillError, type Code } from '../src/errors/index.js'
import { executedFlag, executedOf } from '../src/frame/index.js'

const all = Object.entries(codes) as [Code, (typeof codes)[Code]][]

describe('the table', () => {
  it.each(all)('%s', (code, { status, executed, meaning, retryable }) => {
    expect(code).toMatch(/^[A-Z][A-Za-z]+$/)
    expect([400, 401, 403, 404, 409, 410, 413, 422, 426, 429, 499, 500, 501, 502, 503, 504, 508]).toContain(status)
    expect(executed.length).toBeGreaterThan(0)
    expect([...executed]).toEqual(['no', 'maybe', 'yes'].filter((word) => (executed as readonly string[]).includes(word)))
    expect(meaning).toMatch(/^[a-z].+[^.]$/)
    const error = new WaybillError(code, 'because')
    expect(error).toMatchObject({ name: 'WaybillError', code, message: 'because', retryable, details: undefined })
    expect(error).toBeInstanceOf(Error)
    expect(error.executed).toBe(executed.length === 1 ? executed[0] : 'maybe')
  })

  it('knows its codes and nothing else', () => {
    for (const [code] of all) expect(isCode(code)).toBe(true)
    for (const other of ['', 'toString', '__proto__', 'constructor', 'rejected', undefined, null, 5, {}]) expect(isCode(other)).toBe(false)
  })

  it('what was refused before anybody could start it never ran', () => {
    for (const code of [
      'NoSuchService',
      'NoSuchMethod',
      'NoSuchVersion',
      'NoSuchClient',
      'BadArguments',
      'BadAddress',
      'Overloaded',
      'Unauthorized',
      'Forbidden',
      'Rejected',
      'NotExposed',
      'Unsupported',
      'StaleSymbol',
      'Expired',
    ] as const) {
      expect([code, ...codes[code].executed]).toEqual([code, 'no'])
    }
    for (const code of ['RemoteException', 'BadResult'] as const) expect([...codes[code].executed]).toEqual(['yes'])
    expect([...codes.WorkerLost.executed]).toEqual(['maybe'])
  })
})

describe('the error', () => {
  it('keeps what it was told', () => {
    const cause = new Error('cause')
    const error = new WaybillError('TooLarge', 'm', { executed: 'no', details: { limit: 1 }, cause })
    expect(error).toMatchObject({ executed: 'no', details: { limit: 1 }, cause })
    expect('cause' in new WaybillError('TooLarge', 'm')).toBe(false)
  })

  it('is made of whatever was thrown, once', () => {
    const own = new WaybillError('Forbidden', 'mine')
    expect(WaybillError.from(own, 'yes')).toBe(own)
    const type = new TypeError('t')
    expect(WaybillError.from(type, 'no')).toMatchObject({ code: 'Internal', message: 't', executed: 'no', cause: type })
    for (const thrown of ['text', 7, null, undefined])
      expect(WaybillError.from(thrown)).toMatchObject({ code: 'Internal', message: String(thrown), executed: 'maybe' })
  })

  it('of a remote method ran', () => {
    const error = new RemoteException('m', { xclass: 'Asleep', incident: 'abc' })
    expect(error).toBeInstanceOf(WaybillError)
    expect(error).toMatchObject({
      name: 'RemoteException',
      code: 'RemoteException',
      executed: 'yes',
      xclass: 'Asleep',
      incident: 'abc',
      xstate: undefined,
    })
  })
})

describe('what others learn', () => {
  it('of an Internal error is the incident alone', () => {
    const reported: unknown[] = []
    const error = WaybillError.from(new TypeError('secret'), 'no')
    const shown = disclosed(error, (fault) => (reported.push(fault), '0123456789ab'))
    expect(reported).toEqual([error])
    expect(shown).toMatchObject({ code: 'Internal', executed: 'no', details: { incident: '0123456789ab' } })
    expect(shown.message).toContain('0123456789ab')
    expect([shown.message.includes('secret'), shown.cause]).toEqual([false, undefined])
  })

  it('of any other is all of it', () => {
    const error = new WaybillError('TooLarge', 'm', { details: { limit: 1 } })
    expect(disclosed(error, () => expect.unreachable())).toBe(error)
  })

  it('incidents have 12 digits', () => {
    let next = 0
    expect(mintIncident({ fill: (bytes) => bytes.map((_, at) => (bytes[at] = next++)) && bytes })).toBe('000102030405')
  })
})

describe('executed on the wire', () => {
  it('two bits, and maybe where nothing was said', () => {
    for (const word of ['no', 'maybe', 'yes'] as const) expect(executedOf(executedFlag(word) | 0x01)).toBe(word)
    expect(executedOf(0)).toBe('maybe')
    expect(executedFlag('no') & ~0x18).toBe(0)
  })
})
