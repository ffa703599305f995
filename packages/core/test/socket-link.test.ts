/** A link over a socket: one system call a turn, the order of its end, and what follows a fault. */
import { describe, expect, it } from 'vitest'
import { framed, WrittenSocket } from '../../../tests/fixtures/byte-socket.js'
import type { LinkEnd, SocketLink, SocketLinkOptions } from '../src/index.js'

const packet = (length: number, byte = 7): Uint8Array => new Uint8Array(length).fill(byte)

function joined(options: Partial<SocketLinkOptions> = {}): {
  socket: WrittenSocket
  link: SocketLink
  arrived: number[]
  ends: LinkEnd[]
} {
  const socket = new WrittenSocket()
  const link = socket.link(options)
  const arrived: number[] = []
  const ends: LinkEnd[] = []
  link.join({ packet: ({ byteLength }) => arrived.push(byteLength), ended: (end) => ends.push(end) })
  return { socket, link, arrived, ends }
}

describe('sending', () => {
  it('is one system call for all packets of a turn, whatever their lengths', () => {
    const { socket, link } = joined()
    const packets = [8, 100, 2048, 2049, 70_000].map((length) => packet(length, length % 251))
    for (const one of packets) link.send(one)
    expect(socket.calls).toHaveLength(0)
    expect(link.bufferedBytes).toBe(framed(...packets).byteLength)
    socket.tick()
    expect(socket.calls.map((call) => Buffer.from(call))).toEqual([framed(...packets)])
    link.send(packet(9))
    socket.tick()
    expect(socket.calls).toHaveLength(2)
    expect(link.bufferedBytes).toBe(0)
  })

  it('after the end does nothing', () => {
    const { socket, link } = joined()
    link.send(packet(8))
    link.end(1000, 'bye')
    link.send(packet(8))
    socket.tick()
    expect(socket.written).toEqual(framed(packet(8)))
  })
})

describe('the end', () => {
  it('comes behind what was sent, and is told once with its reason', () => {
    const { socket, link, ends } = joined()
    link.send(packet(8))
    link.end(4000, 'refused')
    expect(socket.calls).toHaveLength(1)
    expect(socket.did).toEqual(['end', 'resume'])
    expect(ends).toEqual([])
    link.end(1000, 'again')
    socket.closes(new Error('read ECONNRESET'))
    socket.closes()
    expect(ends).toEqual([{ code: 4000, reason: 'refused' }])
    expect(socket.timers).toEqual([])
  })

  it('is not waited for longer than a second', () => {
    const { socket, link } = joined()
    link.end(1000, 'bye')
    expect(socket.timers).toEqual([1000])
    socket.fire()
    expect(socket.did.at(-1)).toBe('destroy')
  })

  it('lets nothing of the peer through any more, also of the same chunk', () => {
    const socket = new WrittenSocket()
    const link = socket.link()
    const arrived: number[] = []
    link.join({
      packet: ({ byteLength }) => {
        arrived.push(byteLength)
        link.end(1000, 'enough')
      },
      ended: () => {},
    })
    socket.gives(framed(packet(8), packet(9)))
    socket.gives(framed(packet(10)))
    expect(arrived).toEqual([8])
  })

  it('goes on reading where it was paused, so that the peer’s end is seen', () => {
    const { socket, link } = joined()
    link.pause()
    link.end(1000, 'bye')
    link.pause()
    expect(socket.did).toEqual(['pause', 'end', 'resume'])
  })

  it('says what broke the socket', () => {
    const { socket, ends } = joined()
    socket.closes(new Error('read ECONNRESET'))
    expect(ends).toEqual([{ reason: 'read ECONNRESET' }])
  })

  it('at once, where it is terminated', () => {
    const { socket, link, ends } = joined()
    link.terminate()
    link.send(packet(8))
    socket.closes()
    link.terminate()
    expect({ did: socket.did, ends, written: socket.written.byteLength }).toEqual({
      did: ['destroy'],
      ends: [{ reason: 'terminated' }],
      written: 0,
    })
  })
})

describe('receiving', () => {
  it('takes no more than an introduction before the first word of this side', () => {
    const faults: string[] = []
    const { socket, link, arrived } = joined({ mostBytesUnknown: 100, mostBytes: 1000, faulty: (fault) => faults.push(fault) })
    socket.gives(framed(packet(100)))
    link.send(packet(8))
    socket.gives(framed(packet(1000)))
    expect(arrived).toEqual([100, 1000])
    socket.gives(framed(packet(1001)))
    expect(faults).toEqual(['a message of 1001 bytes was announced, more than 1000'])
    const stranger = joined({ mostBytesUnknown: 100, mostBytes: 1000 })
    stranger.socket.gives(framed(packet(101)))
    stranger.socket.closes()
    expect(stranger.arrived).toEqual([])
    expect(stranger.ends).toEqual([{ reason: 'a message of 101 bytes was announced, more than 100' }])
  })
})
