/**
 * What a parcel is answered under: the number of its receipt in the store, and a code over it under a secret of the store. Nobody can make one up, so who
 * has it was given it; it is the same however often the parcel is handed over, and good after any start of the router.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

const ORDINAL_DIGITS = 12
const CODE_DIGITS = 32
const FORM = /^[0-9a-f]{44}$/

export class PostbackIds {
  readonly #minted: () => string
  #secret: Buffer | undefined

  /** `secret` in hexadecimal digits, asked for when the first id is made or read. */
  constructor(secret: () => string) {
    this.#minted = secret
  }

  of(ordinal: number): string {
    const digits = ordinal.toString(16).padStart(ORDINAL_DIGITS, '0')
    return digits + this.#code(digits)
  }

  /** The ordinal; undefined where the id was not made here. */
  read(id: string): number | undefined {
    if (!FORM.test(id)) return undefined
    const digits = id.slice(0, ORDINAL_DIGITS)
    if (!timingSafeEqual(Buffer.from(id.slice(ORDINAL_DIGITS)), Buffer.from(this.#code(digits)))) return undefined
    return Number.parseInt(digits, 16)
  }

  #code(digits: string): string {
    this.#secret ??= Buffer.from(this.#minted(), 'hex')
    return createHmac('sha256', this.#secret).update(`postback ${digits}`).digest('hex').slice(0, CODE_DIGITS)
  }
}
