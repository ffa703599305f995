/** What of a failure leaves its process, and what it becomes elsewhere. Titles begin with the row in docs/rows.md. */
import { registerError, RemoteException, service } from '@waybill/client'
import { extensionField, FrameType, joinFields, Tag } from '@waybill/core'
import { harness, ROUTER_URL, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { body, frameOf, HostilePeer } from './hostile-peer.js'

interface Any {
  [method: string]: (...args: unknown[]) => unknown
}

function peer(h: Harness): Promise<HostilePeer> {
  return HostilePeer.open(h.network.transport(h.world.process('mallory')), ROUTER_URL, { introduction: { name: 'mallory' } })
}

describe('row 11: exceptions tell code, message and declared data', () => {
  class Unknown extends Error {
    override name = 'Unknown'
    password = 'hunter2'
    constructor() {
      super('it broke', { cause: new Error('hunter3') })
    }
  }

  test('row 11: no stack, no path, no cause, no field of an unknown class leaves', async () => {
    const bytes: string[] = []
    const reported: unknown[] = []
    await using h = harness({ tap: { sent: (_wire, _from, packet) => void bytes.push(Buffer.from(packet).toString('latin1')) } })
    const worker = await h.client('worker', { onIncident: (incident) => reported.push(incident) })
    const thrown = new Unknown()
    await worker.expose(service<Any>('Bad@1.0.0', { fail: {} }), {
      fail: () => {
        throw thrown
      },
    })
    const caller = await h.client('caller')
    const error = (await caller.remote<Any>('Bad')['fail']!().then(undefined, (one: unknown) => one)) as RemoteException
    expect(error).toBeInstanceOf(RemoteException)
    expect(error).toMatchObject({ code: 'RemoteException', message: 'it broke', xclass: 'Unknown', executed: 'yes' })
    expect(error).toMatchObject({ xmodule: undefined, xstate: undefined, xargs: undefined })
    expect(error.cause).toBeUndefined()
    expect(error.incident).toMatch(/^[0-9a-f]{12}$/)
    expect(reported).toMatchObject([{ incident: error.incident, error: thrown, service: 'Bad', method: 'fail' }])
    const sent = bytes.join('')
    expect(sent).toContain('it broke')
    for (const secret of ['hunter2', 'hunter3', 'security-exceptions', import.meta.dirname, 'at Object', 'node_modules'])
      expect(sent).not.toContain(secret)
  })

  test('row 11: a fault of the library in a client is an incident number to everybody else', async () => {
    const reported: { incident: string; error: unknown }[] = []
    await using h = harness()
    const worker = await h.client('worker', { onIncident: (incident) => reported.push(incident) })
    // A schema that breaks the contract of schemas, so that the check itself fails.
    const schema = { '~standard': { version: 1 as const, vendor: 'x', validate: () => undefined as never } }
    await worker.expose(service<Any>('Bad@1.0.0', { fail: { args: [schema] } as never }), { fail: () => 1 })
    const caller = await h.client('caller')
    const error = (await caller.remote<Any>('Bad')['fail']!(1).then(undefined, (one: unknown) => one)) as Error & {
      details: { incident: string }
    }
    expect(error).toMatchObject({ code: 'Internal' })
    expect(error.message).not.toMatch(/undefined|issues|read/)
    expect(reported).toHaveLength(1)
    expect(error.details.incident).toBe(reported[0]!.incident)
    expect(String(reported[0]!.error)).toMatch(/TypeError/)
  })

  test('row 11: faults of what a deployment brought to the router stay there', async () => {
    const reported: { incident: string; where: string }[] = []
    const fault = (): never => {
      throw new Error('postgres://root:hunter2@db')
    }
    const router = { authenticate: fault, onIncident: (incident: { incident: string; where: string }) => reported.push(incident) }
    await using h = harness({ router })
    const error = await h.client('caller').then(undefined, (one: unknown) => one)
    expect(error).toMatchObject({ code: 'Unauthorized', message: expect.not.stringContaining('hunter2') })
    expect(reported).toMatchObject([{ where: 'authenticate' }])
    expect((error as Error).message).toContain(reported[0]!.incident)
    for (const answer of [
      () => undefined,
      () => Promise.resolve(undefined),
      () => '',
      () => 'a\nb',
      () => Promise.reject(new Error('hunter2')),
    ]) {
      await using other = harness({ router: { authenticate: answer as () => string, onIncident: () => {} } })
      await expect(other.client('caller')).rejects.toMatchObject({ code: 'Unauthorized', message: expect.not.stringContaining('hunter2') })
    }
    await using third = harness({ router: { authorize: (_principal, action) => action !== 'call' || fault(), onIncident: () => {} } })
    const worker = await third.client('worker')
    await worker.expose(service<Any>('Dog@1.0.0', { bark: {} }), { bark: () => 1 })
    const caller = await third.client('caller')
    await expect(caller.remote<Any>('Dog')['bark']!()).rejects.toMatchObject({
      code: 'Forbidden',
      message: expect.not.stringContaining('hunter2'),
    })
    expect(caller.isConnected).toBe(true)
  })
})

describe('row 12: exceptions are built from registered classes only', () => {
  let constructed = 0
  class Asleep extends Error {
    until = 0
    constructor() {
      super()
      constructed++
    }
  }

  test('row 12: never by a module or class name from the wire, and without a constructor', async () => {
    registerError(Asleep, 'security.Asleep')
    await using h = harness()
    const mallory = await peer(h)
    const extension = joinFields([extensionField(Tag.destination, 'waybill.Router'), extensionField(Tag.method, 'offer')])
    const offers = body([[{ service: 'Evil', version: '1.0.0', methods: ['fail'] }]])
    mallory.send(frameOf({ type: FrameType.call, source: mallory.connected.symbol, call: 1 }, extension, offers))
    await mallory.next(({ type, call }) => type === FrameType.result && call === 1)
    const caller = await h.client('caller')
    const evil = caller.remote<Any>('Evil')
    const fail = async (content: Record<string, unknown>): Promise<Error> => {
      const failed = evil['fail']!().then(undefined, (one: unknown) => one as Error)
      const { source, call } = await mallory.next(({ type }) => type === FrameType.call)
      mallory.send(
        frameOf({ type: FrameType.exception, destination: source, source: mallory.connected.symbol, call }, undefined, body(content)),
      )
      return (await failed) as Error
    }
    for (const xclass of [
      '__proto__',
      'constructor',
      'toString',
      'Function',
      'Object',
      'process',
      'TypeError',
      'Error',
      'RemoteException',
      'WaybillError',
      '',
    ]) {
      const error = await fail({
        exval: 'm',
        xclass,
        xmodule: 'node:fs',
        xstate: { polluted: 1, stack: 'at evil', executed: 'no', code: 'EVIL' },
      })
      expect(Object.getPrototypeOf(error)).toBe(RemoteException.prototype)
      expect(error).toMatchObject({ code: 'RemoteException', xclass, message: 'm' })
      expect(error.stack).not.toContain('evil')
    }
    const before = constructed
    const state = { until: 7, stack: 'at evil', cause: 'evil', executed: 'no', message: 'evil', constructor: 'evil' }
    const error = await fail({ exval: 'm', xclass: 'security.Asleep', xstate: state })
    expect(error).toBeInstanceOf(Asleep)
    expect(error).toMatchObject({ until: 7, message: 'm', executed: 'yes' })
    expect(error.cause).toBeUndefined()
    expect(error.stack).not.toContain('at evil')
    expect(constructed).toBe(before)
  })
})
