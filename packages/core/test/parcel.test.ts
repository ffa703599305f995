import { bodyBytes, encodings, Parcel, parseBody, prepareBody, readParcel, writeParcel } from '@waybill/core'
import { describe, expect, test } from 'vitest'

const pdf = new Parcel(Uint8Array.of(0, 0xff, 0x10), { 'content-type': 'application/pdf', 'content-encoding': 'gzip' })

describe('a parcel', () => {
  test('is a body of its own, as a result and as the one argument of a call', () => {
    for (const [value, what] of [
      [pdf, 'result'],
      [[pdf], 'arguments'],
    ] as const) {
      const prepared = prepareBody(value, undefined, what)
      expect(prepared.encoding).toBe(encodings.parcel)
      const read = parseBody(encodings.parcel, bodyBytes(prepared)) as Parcel
      expect(read).toBeInstanceOf(Parcel)
      expect(read).toEqual(pdf)
    }
  })

  test('cannot stand inside another value', () => {
    expect(() => prepareBody({ in: pdf })).toThrow(expect.objectContaining({ code: 'NotRepresentable' }))
    expect(() => prepareBody([pdf, 1], undefined, 'arguments')).toThrow(expect.objectContaining({ code: 'NotRepresentable' }))
  })

  test('has a text, and reads it', () => {
    const text = new Parcel('hällo')
    expect(text.type).toBe('text/plain; charset=utf-8')
    expect(text.text()).toBe('hällo')
    expect(new Parcel('{"a":1}', { 'content-type': 'application/json' }).json()).toEqual({ a: 1 })
    expect(() => new Parcel('{', { 'content-type': 'application/json' }).json()).toThrow(SyntaxError)
    expect(() => pdf.text()).toThrow(TypeError)
  })

  test.each([
    ['another header', { 'set-cookie': 'a=b' }],
    ['a line end', { 'content-type': 'a\r\nset-cookie: b' }],
    ['a value that is no text', { 'content-type': 1 }],
    ['much', { 'content-type': 'a'.repeat(2000) }],
  ])('whose head says %s is refused', (_what, head) => {
    expect(() => new Parcel('', head as Record<string, string>)).toThrow(expect.objectContaining({ code: 'BadArguments' }))
  })

  test.each([
    ['no length', []],
    ['less than its head', [9, 0, 0x7b]],
    ['no JSON', [1, 0, 0x7b]],
    ['a head that may not be', [...writeParcel({ head: { cookie: 'a' }, bytes: new Uint8Array(0) })]],
  ])('of %s breaks the protocol', (_what, bytes) => {
    expect(() => readParcel(Uint8Array.from(bytes))).toThrow(expect.objectContaining({ code: 'ProtocolViolation' }))
  })
})
