/** Owns the options of `waybill call`: how they are declared, and what they ask of the call. Reading throws `UsageError`; nothing is sent here. */
import type { RemoteOptions } from '@waybill/client'
import { Option, type Command } from 'commander'
import { UsageError } from './exits.js'
import { readData, readDuration, readList, readObject, type Narrowing } from './request.js'

export interface CallVerbOptions extends Narrowing {
  readonly timeout?: string
  readonly deadline?: string
  readonly ttl?: string
  readonly data?: string
  readonly named?: string
  readonly construct?: string
  readonly sticky?: string
  readonly key?: string
  readonly orderKey?: string
}

export interface CallModes {
  readonly force?: true
  readonly async?: true
  readonly follow?: true
  readonly send?: true
  readonly all?: true
}

/** What is asked of the call. */
export function addCallOptions(command: Command): Command {
  return command
    .option('--timeout <time>', 'give up when nothing is heard for so long; progress counts (default 30s)')
    .option('--deadline <time>', 'give up after so long, whatever is heard (default 10m)')
    .option('--ttl <time>', 'wait so long for somebody to take it, even if nobody is there yet')
    .option('--on <client>', 'only at the client of this name')
    .option('--version <range>', 'only versions in this range, such as ^1')
    .option('--where <label=value>', 'only where this label is; may be repeated', gathered)
    .option('--data <json>', 'travels beside the arguments, as currentCall().data')
    .option('--named <json>', 'named arguments: an object after the others')
    .option('--construct <json>', 'a list: what the object that answers is constructed with')
    .option('--key <key>', 'stored, and known by it: made again, it is the same call')
    .option('--sticky <key>', 'calls with the same key go to the same instance')
    .option('--order-key <key>', 'calls with the same key never overlap, and keep their order')
}

/** In which semantics it is made, and how its outcome is printed. */
export function addCallModes(command: Command): Command {
  return command
    .option('--force', 'print a stream of bytes even to a terminal')
    .option('--async', 'have the router store it, and print the serial number of its receipt')
    .option('--follow', 'the same, and stay for its outcome; Ctrl-C leaves it running')
    .addOption(new Option('--send', 'nobody answers; prints its serial number').conflicts(['async', 'follow', 'all']))
    .addOption(new Option('--all', 'one call to each instance, a line for each answer').conflicts(['async', 'follow', 'send']))
}

/** What the options ask for beside where the call goes, which is in its target. */
export function readCallOptions(options: CallVerbOptions): RemoteOptions {
  const { timeout, deadline, ttl, data, named, construct, key, sticky, orderKey } = options
  return {
    ...(timeout !== undefined && { timeout: readDuration(timeout, '--timeout') }),
    ...(deadline !== undefined && { deadline: readDuration(deadline, '--deadline') }),
    ...(ttl !== undefined && { ttl: readDuration(ttl, '--ttl') }),
    ...(data !== undefined && { data: readData(data) }),
    ...(named !== undefined && { named: readObject(named, '--named', '{"loud":true}') }),
    ...(construct !== undefined && { construct: readList(construct, '--construct', '["rex"]') }),
    ...(key !== undefined && { key: readKey(key, '--key') }),
    ...(sticky !== undefined && { sticky: readKey(sticky, '--sticky') }),
    ...(orderKey !== undefined && { orderKey: readKey(orderKey, '--order-key') }),
  }
}

function readKey(text: string, option: string): string {
  if (text === '') throw new UsageError(`${option}: a key has at least one character`)
  return text
}

function gathered(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}
