/** The line that the fault harness puts between a client and the router: what it passes on, and what it does when it is told to. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { Cable } from '@waybill/testkit/faults'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const packet = (text: string): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(text.length)
  return Buffer.concat([length, Buffer.from(text)])
}

/** Stands for the router: keeps what arrives on each connection. */
let server: Server
let arrived: { bytes: string; socket: Socket; isOver: boolean }[]
let cable: Cable
let client: Socket

beforeEach(async () => {
  arrived = []
  server = createServer((socket) => {
    const one = { bytes: '', socket, isOver: false }
    arrived.push(one)
    socket.on('data', (chunk) => (one.bytes += chunk.toString('latin1'))).on('close', () => (one.isOver = true))
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cable = new Cable((server.address() as AddressInfo).port)
  client = connect(Number((await cable.listen()).split(':').at(-1)), '127.0.0.1').on('error', () => {})
  await once(client, 'connect')
})

afterEach(async () => {
  client.destroy()
  await cable.close()
  for (const { socket } of arrived) socket.destroy()
  server.close()
})

const texts = (): readonly string[] => arrived.map(({ bytes }) => bytes)
const whole = (...packets: readonly string[]): string => packets.map((one) => packet(one).toString('latin1')).join('')

describe('a cable', () => {
  test('passes packets on, whole, however they come', async () => {
    const bytes = Buffer.concat([packet('opening'), packet('one'), packet('two')])
    for (const byte of bytes) client.write(Uint8Array.of(byte))
    await expect.poll(texts).toEqual([whole('opening', 'one', 'two')])
  })

  test('delivers a packet twice, and never the opening', async () => {
    cable.doubleNext('up')
    client.write(Buffer.concat([packet('opening'), packet('one'), packet('two')]))
    await expect.poll(texts).toEqual([whole('opening', 'one', 'one', 'two')])
  })

  test('keeps their order when some are late', async () => {
    cable.delayMs = 50
    client.write(packet('opening'))
    await expect.poll(() => arrived.length).toBe(1)
    cable.delayMs = 0
    client.write(packet('one'))
    await expect.poll(texts).toEqual([whole('opening', 'one')])
  })

  test.each([-3, 0, 2])('cuts %d bytes beside the end of a packet', async (delta) => {
    client.write(packet('opening'))
    await expect.poll(texts).toEqual([whole('opening')])
    cable.cutNext({ direction: 'up', delta })
    client.write(Buffer.concat([packet('one'), packet('two')]))
    await once(client, 'close')
    await expect.poll(() => arrived[0]!.isOver).toBe(true)
    expect(arrived[0]!.bytes).toBe(whole('opening', 'one', 'two').slice(0, whole('opening', 'one').length + delta))
  })

  test('swallows everything, of which nobody hears, and then breaks', async () => {
    client.write(packet('opening'))
    await expect.poll(texts).toEqual([whole('opening')])
    let isOver = false
    client.on('close', () => (isOver = true))
    cable.swallow()
    client.write(packet('one'))
    arrived[0]!.socket.destroy()
    await expect.poll(() => arrived[0]!.isOver).toBe(true)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect([isOver, arrived[0]!.bytes]).toEqual([false, whole('opening')])
    cable.heal()
    await expect.poll(() => isOver).toBe(true)
  })

  test('says once more on a second connection what was said first', async () => {
    client.write(Buffer.concat([packet('opening'), packet('one')]))
    await expect.poll(texts).toEqual([whole('opening', 'one')])
    cable.dialAgain(100)
    await expect.poll(texts).toEqual([whole('opening', 'one'), whole('opening')])
    await expect.poll(() => arrived[1]!.isOver).toBe(true)
  })
})
