/** A link whose client is silent is given up for good: closed in order, and dropped at once, as nobody may be there to answer the close. */
import type { Link } from '@waybill/core'
import { readConnected, writeOpening } from '@waybill/core'
import { World } from '@waybill/testkit'
import { describe, expect, it } from 'vitest'
import { composeRouter } from '../src/index.js'

class RecordedLink implements Link {
  readonly log: string[] = []
  readonly sent: Uint8Array[] = []
  bufferedBytes = 0
  send(packet: Uint8Array): void {
    this.sent.push(packet.slice())
  }
  pause(): void {
    this.log.push('pause')
  }
  resume(): void {
    this.log.push('resume')
  }
  end(code: number): void {
    this.log.push(`end ${code}`)
  }
  terminate(): void {
    this.log.push('terminate')
  }
}

describe('a silent client', () => {
  it('is asked once, then ended and terminated', async () => {
    const world = new World()
    const { router } = composeRouter({ name: 'router', ports: world.process('router') })
    const link = new RecordedLink()
    const events = router.admit(link)
    events.packet(writeOpening({ incarnation: 'beef'.repeat(5) }))
    await world.advance(0)
    const { heartbeatMs, heartbeatGraceMs } = readConnected(link.sent.shift()!).limits
    await world.advance(heartbeatMs + heartbeatGraceMs - 100)
    expect([link.sent.length, link.log]).toEqual([1, []])
    await world.advance(2000)
    expect(link.log).toEqual(['end 4004', 'terminate'])
    expect(router.load.sessions).toBe(0)
    router.close()
  })

  it('is not asked where it does not even take what was sent', async () => {
    const world = new World()
    const { router } = composeRouter({ name: 'router', ports: world.process('router') })
    const link = new RecordedLink()
    const events = router.admit(link)
    events.packet(writeOpening({ incarnation: 'beef'.repeat(5) }))
    await world.advance(0)
    link.bufferedBytes = 1024 * 1024
    await world.advance(12_000)
    expect(link.sent).toHaveLength(1)
    router.close()
  })
})
