/** Owns what a person can do about an error: one sentence for each code that has a better one than what `executed` says. */
import type { Code, Executed } from '@waybill/client'

const byCode: Partial<Record<Code, string>> = {
  NoSuchService: 'see what is offered with `waybill services`',
  NoSuchVersion: 'ask for a version that is offered: see `waybill services`',
  NoSuchClient: 'see who is connected with `waybill clients`',
  NoSuchMethod: 'call one of the methods that it has',
  NoSuchReceipt: 'see what the router keeps for you with `waybill receipts`',
  BadArguments: 'correct the arguments; text that looks like JSON needs quotes: \'"42"\'',
  BadAddress: 'correct the address: Service@range.method, such as Dog@^1.bark',
  Unauthorized: 'give the token of this router with WAYBILL_TOKEN or --token-file',
  Incompatible: 'install the same version of waybill on both sides',
  TooLarge: 'send less in one call',
  Internal: 'please report this',
}

const byExecuted: Record<Executed, string> = {
  no: 'correct the cause and call again',
  maybe: 'see what it did before you call again, unless twice is harmless',
  yes: 'it ran and failed; whether to call again is up to you',
}

export const executedText: Record<Executed, string> = {
  no: 'no, it did not run',
  maybe: 'maybe: it can have run, in whole or in part',
  yes: 'yes, it ran',
}

export function adviceFor(code: Code, executed: Executed, retryable: boolean): string {
  if (executed === 'maybe') return byExecuted.maybe
  return byCode[code] ?? (executed === 'no' && retryable ? 'nothing is lost: try again later' : byExecuted[executed])
}
