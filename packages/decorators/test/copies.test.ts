/** Two copies of the packages in one process, as npm may install them, agree on contracts, calls and errors. */
import { expect, test, vi } from 'vitest'
import * as core from '@waybill/core'
import * as decorators from '../src/index.js'

test('what one copy records, registers or runs, the other sees', async () => {
  vi.resetModules()
  const otherCore = await import('@waybill/core')
  const other = await import('../src/index.js')
  expect(otherCore.contractOf).not.toBe(core.contractOf)
  expect(other.Remote).not.toBe(decorators.Remote)

  // The client's copy of core, for which nobody imported decorators.
  vi.resetModules()
  const lone = await import('@waybill/core')

  @other.Remote({ name: 'Dog' })
  class Dog {
    bark(): void {}
    @decorators.Local
    hidden(): void {}
  }
  for (const { contractOf } of [core, otherCore, lone]) {
    expect(contractOf(Dog).name).toBe('Dog')
    expect([...contractOf(Dog).methods.keys()]).toEqual(['bark'])
  }

  class Asleep extends Error {}
  other.registerError(Asleep, 'copies.Asleep')
  expect(core.reviveError('copies.Asleep', 'x')).toBeInstanceOf(Asleep)

  const call = { sn: 'x' } as core.CurrentCall
  core.runInCall(call, () => expect(other.currentCall()).toBe(call))
})
