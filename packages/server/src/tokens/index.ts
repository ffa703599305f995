/** Tokens in a file: made and revoked by a command, read by a router that notices. The door of `@waybill/server/tokens`. */
import { quoted, WaybillError, type Clock, type Random } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import type { OpenTokens, Principal, TokenSource } from '../access.js'
import { readPrivately, rewritePrivately, stampOf } from './file.js'
import { isGood, mintToken, namedTokens, ownerOf, readTokens, writeTokens, type TokenEntry } from './table.js'

export type { TokenEntry } from './table.js'

/** How often a router looks: a token that is revoked or expires closes its links within a second. */
const LOOK_MS = 500

/** Those of the file, in the order in which they were made; none where there is no file. */
export function listTokens(file: string): readonly TokenEntry[] {
  return entriesOf(readPrivately(file))
}

/** Makes a token, which is told here and nowhere again. */
export function createToken(
  file: string,
  label: string,
  options: { readonly lifeMs?: number; readonly ports?: { readonly clock: Clock; readonly random: Random } } = {},
): { token: string; entry: TokenEntry } {
  const { clock, random } = options.ports ?? systemPorts
  let minted!: { token: string; entry: TokenEntry }
  rewritePrivately(file, (text) => {
    const entries = entriesOf(text)
    minted = mintToken(entries, { label, nowMs: clock.wallMs(), lifeMs: options.lifeMs, random })
    return writeTokens([...entries, minted.entry])
  })
  return minted
}

/** Takes back all tokens of a label, or the one of an id. */
export function revokeTokens(file: string, name: string): readonly TokenEntry[] {
  let revoked!: readonly TokenEntry[]
  rewritePrivately(file, (text) => {
    const entries = entriesOf(text)
    revoked = namedTokens(entries, name)
    return writeTokens(entries.filter((entry) => !revoked.includes(entry)))
  })
  return revoked
}

/**
 * For `createRouter({ tokens })`. What is presented is compared with the file as it is at that moment. A file that is not there any more has no
 * tokens; while it cannot be read, nobody is let in, and who is here stays.
 */
export function tokenFile(file: string): TokenSource {
  return { open: (clock, revoked) => new OpenFile(file, clock, revoked) }
}

class OpenFile implements OpenTokens {
  readonly #file: string
  readonly #clock: Clock
  readonly #revoked: (principal: Principal, digest: string) => void
  #entries: readonly TokenEntry[]
  /** Those that are good as far as was last looked. */
  #good: readonly TokenEntry[] = []
  #stamp: string | undefined
  #unreadable: unknown
  #timer

  constructor(file: string, clock: Clock, revoked: (principal: Principal, digest: string) => void) {
    this.#file = file
    this.#clock = clock
    this.#revoked = revoked
    this.#stamp = stampOf(file)
    // A router that is to ask for tokens does not begin without.
    const text = readPrivately(file)
    if (text === undefined)
      throw new WaybillError('BadArguments', `there is no token file ${quoted(file)}: make a token with \`waybill token create\``)
    this.#entries = readTokens(text)
    this.#good = this.#entries.filter((entry) => isGood(entry, clock.wallMs()))
    this.#timer = clock.timer(LOOK_MS, this.#lookAgain)
  }

  readonly authenticate: OpenTokens['authenticate'] = (credentials) => {
    this.#look()
    if (this.#unreadable !== undefined) throw this.#unreadable
    if (credentials === undefined)
      throw new WaybillError('Unauthorized', 'this router asks for a token; give one with `token` or WAYBILL_TOKEN')
    const owner = ownerOf(this.#entries, credentials.token ?? '', this.#clock.wallMs())
    if (owner === undefined) throw new WaybillError('Unauthorized', 'the token is not one of this router, or not any more')
    return owner
  }

  isGood(principal: Principal, digest: string): boolean {
    return this.#good.some((entry) => entry.label === principal && entry.digest === digest)
  }

  close(): void {
    this.#timer.cancel()
  }

  readonly #lookAgain = (): void => {
    this.#timer = this.#clock.timer(LOOK_MS, this.#lookAgain)
    this.#look()
  }

  #look(): void {
    try {
      const stamp = stampOf(this.#file)
      if (stamp !== this.#stamp) {
        this.#entries = listTokens(this.#file)
        this.#stamp = stamp
      }
      this.#unreadable = undefined
    } catch (thrown) {
      // An error of ours would be told to who asks to come in; what is wrong here is the operator's business.
      this.#unreadable = new Error('the token file cannot be read', { cause: thrown })
    }
    const nowMs = this.#clock.wallMs()
    const before = this.#good
    this.#good = this.#entries.filter((entry) => isGood(entry, nowMs))
    const digests = new Set(this.#good.map(({ digest }) => digest))
    for (const { digest, label } of before) if (!digests.has(digest)) this.#revoked(label, digest)
  }
}

function entriesOf(text: string | undefined): readonly TokenEntry[] {
  return text === undefined ? [] : readTokens(text)
}
