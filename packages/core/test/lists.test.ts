/** Lists of ids and addressees, as they stand in frames. */
import { readAddressees, readIds, serialNumber, writeAddressees, writeIds } from '@waybill/core'
import { describe, expect, it } from 'vitest'

describe('lists in frames', () => {
  it('are read as they were written', () => {
    const ids = [1, 2, 2 ** 40].map((counter) => serialNumber('018f3c1e7a00deadbeef', counter))
    expect(readIds(writeIds(ids))).toEqual(ids)
    const addressees = [
      { source: 0x00400001, call: 7 },
      { source: 0, call: 0 },
      { source: 2 ** 32 - 1, call: 2 ** 32 - 1 },
    ]
    expect(readAddressees(writeAddressees(addressees))).toEqual(addressees)
  })

  it('may be empty', () => {
    expect(readIds(writeIds([]))).toEqual([])
    expect(readAddressees(writeAddressees([]))).toEqual([])
  })

  it.each([1, 8, 15, 17, 31])('of ids are refused at %i bytes', (length) => {
    expect(() => readIds(new Uint8Array(length))).toThrow(expect.objectContaining({ code: 'ProtocolViolation' }))
  })

  it.each([1, 4, 7, 9, 12])('of addressees are refused at %i bytes', (length) => {
    expect(() => readAddressees(new Uint8Array(length))).toThrow(expect.objectContaining({ code: 'ProtocolViolation' }))
  })
})
