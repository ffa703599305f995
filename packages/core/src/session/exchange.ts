/**
 * The numbered, acknowledged, resumable exchange of packets of one session, on either end. Every envelope is acknowledged (row 003):
 * the acknowledgement is cumulative and rides on packets that go back. Unacknowledged bytes are also the credit: an end sends at most
 * `windowBytes` ahead of its peer's acknowledgements, so a peer that stops reading stops the flow.
 *
 * Pure: owns the numbers and the packets that may have to be sent again; knows no link and no clock.
 */
import { WaybillError } from '../errors/index.js'
import { after, ahead, numberPacket, PACKET_HEADER_BYTES, packetNumbers } from '../wire/packet.js'

/** What became of an incoming packet: its frames are to be handled only when it is `fresh`. */
export type Arrival = 'fresh' | 'duplicate' | 'unnumbered'

export class Exchange {
  /** Bytes of packets that were sent and not acknowledged yet. */
  retainedBytes = 0
  /** Bytes that arrived since this end last told its peer what arrived; above 0 an acknowledgement is due. */
  unacknowledgedBytes = 0
  /** The last sequence that arrived in order. */
  received = 0

  #sent = 0
  /** The last sequence that the peer was told of. */
  #told = 0
  #withholds = false
  #retained: Uint8Array[] = []
  #retainedFrom = 0
  #acknowledged = 0

  /** Both ends begin after the same number; another one than 0 lets a test see the numbers wrap. */
  constructor(before = 0) {
    this.received = before
    this.#told = before
    this.#sent = before
    this.#acknowledged = before
  }

  /** Numbers a packet that was taken from an outbox, and keeps it until it is acknowledged. */
  seal(packet: Uint8Array): Uint8Array {
    this.#sent = after(this.#sent)
    numberPacket(packet, this.#sent, this.#tell())
    this.#retained.push(packet)
    this.retainedBytes += packet.byteLength
    return packet
  }

  /** Numbers a packet that is not kept: a heartbeat, or a bare acknowledgement when `packet` is absent. */
  sealUnnumbered(packet: Uint8Array = new Uint8Array(PACKET_HEADER_BYTES)): Uint8Array {
    numberPacket(packet, 0, this.#tell())
    return packet
  }

  /**
   * While acknowledgements are withheld the peer runs out of credit and stops by itself, but what it sends is still read: most of all its own
   * acknowledgements, without which two ends that wait for each other would wait for ever.
   */
  withhold(withholds: boolean): void {
    this.#withholds = withholds
  }

  get withholds(): boolean {
    return this.#withholds
  }

  /** Takes an incoming packet's numbers. Throws `ProtocolViolation` on a gap, or on an acknowledgement of what was never sent. */
  arrive(packet: Uint8Array): Arrival {
    const { sequence, acknowledged } = packetNumbers(packet)
    this.#release(acknowledged)
    if (sequence === 0) return 'unnumbered'
    const expected = after(this.received)
    if (sequence !== expected) {
      if (ahead(sequence, expected) < 0) {
        this.unacknowledgedBytes += packet.byteLength
        return 'duplicate'
      }
      throw new WaybillError('ProtocolViolation', `packet ${sequence} arrived where ${expected} was expected`)
    }
    this.received = sequence
    this.unacknowledgedBytes += packet.byteLength
    return 'fresh'
  }

  /**
   * The packets that the peer does not have, to be sent again on a new link before anything else. `peerReceived` is what the peer said
   * in the opening. Throws `ProtocolViolation` when it claims more than was sent or less than it acknowledged before.
   */
  resume(peerReceived: number): readonly Uint8Array[] {
    if (ahead(peerReceived, this.#acknowledged) < 0 || (peerReceived === 0 && this.#acknowledged !== 0)) {
      throw new WaybillError(
        'ProtocolViolation',
        `the peer resumes at packet ${peerReceived} but acknowledged ${this.#acknowledged} before`,
      )
    }
    this.#release(peerReceived)
    return this.#retained.slice(this.#retainedFrom)
  }

  /** For good: nothing is sent again any more. */
  forget(): void {
    this.#retained = []
    this.#retainedFrom = 0
    this.retainedBytes = 0
  }

  #tell(): number {
    if (!this.#withholds) {
      this.#told = this.received
      this.unacknowledgedBytes = 0
    }
    return this.#told
  }

  #release(acknowledged: number): void {
    // No packet has the number 0: the peer has received nothing yet.
    if (acknowledged === 0) return
    const newer = ahead(acknowledged, this.#acknowledged)
    if (newer <= 0) return
    if (ahead(acknowledged, this.#sent) > 0) {
      throw new WaybillError('ProtocolViolation', `packet ${acknowledged} was acknowledged but only ${this.#sent} were sent`)
    }
    // Retained packets are consecutive, so their numbers need not be read: #acknowledged + 1, + 2, …
    while (this.#acknowledged !== acknowledged) {
      this.#acknowledged = after(this.#acknowledged)
      this.retainedBytes -= this.#retained[this.#retainedFrom]!.byteLength
      this.#retainedFrom++
    }
    if (this.#retainedFrom > 32 && this.#retainedFrom * 2 > this.#retained.length) {
      this.#retained.splice(0, this.#retainedFrom)
      this.#retainedFrom = 0
    } else if (this.#retainedFrom === this.#retained.length) {
      this.#retained.length = 0
      this.#retainedFrom = 0
    }
  }
}
