/** `waybill start`: runs the router until it is told to stop. */
import { WaybillError } from '@waybill/client'
import type { RouterHandle, RouterOptions } from '@waybill/server'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { Exit, UsageError } from '../exits.js'
import { tellFailure } from '../failure.js'
import { logFormats, logLevels, logTo, type LogFormat, type LogLevel } from '../log.js'
import { DEFAULT_PORT, readTextFile, tokenFrom } from '../place.js'
import { tokensPath } from '../tokens-path.js'

interface Options {
  readonly host: string
  readonly port: number
  readonly token?: string
  readonly tokenFile?: string
  /** `true`: the usual file. */
  readonly tokens?: string | true
  readonly insecure?: boolean
  readonly allowHost?: readonly string[]
  readonly origin?: readonly string[]
  readonly tlsKey?: string
  readonly tlsCert?: string
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  readonly metrics?: true
  readonly json?: boolean
}

const notes = `
Examples:
  waybill start
  waybill token create kennel > kennel.token && waybill start --tokens
  waybill start --host 0.0.0.0 --allow-host box.example --token-file token.txt \\
                --tls-key key.pem --tls-cert cert.pem

The token can also stand in WAYBILL_TOKEN. That or --token-file is better than
--token, which everybody on this machine sees in \`ps\`. Who has it is the principal
\`token\`; without a token everybody who can connect is \`local\`.`

export function addStart(program: Command, act: (verb: Promise<number>) => Promise<void>): Command {
  return program
    .command('start')
    .description('run the router until Ctrl-C')
    .option('--host <address>', 'where to listen; others than this machine need a token and TLS', '127.0.0.1')
    .option('--port <port>', 'port to listen on, 0 for any free one', readPort, DEFAULT_PORT)
    .addOption(new Option('--token <token>', 'ask clients for this token').conflicts('tokenFile'))
    .option('--token-file <file>', 'read that token from a file')
    .addOption(
      new Option('--tokens [file]', 'ask for the tokens of `waybill token` (or $WAYBILL_TOKENS)').conflicts(['token', 'tokenFile']),
    )
    .option('--insecure', 'listen for others without TLS: tokens and calls can be read on the way')
    .option('--allow-host <name...>', 'further names under which clients reach the router')
    .option('--origin <origin...>', 'pages that may connect, such as https://app.example.com')
    .option('--tls-key <file>', 'private key, PEM')
    .option('--tls-cert <file>', 'certificate, PEM')
    .option('--metrics', 'serve figures for Prometheus: GET /metrics, with a token where one is asked for')
    .addOption(new Option('--log-level <level>', 'tell on stderr what happens, from this level on').choices(logLevels).default('warn'))
    .addOption(new Option('--log-format <format>', 'lines for people, or JSON').choices(logFormats).default('pretty'))
    .option('--json', 'say where it listens as one line of JSON')
    .addHelpText('after', notes)
    .action((options: Options) => act(start(options)))
}

async function start(options: Options): Promise<number> {
  const tokens = await tokensOf(options)
  const tls = tlsOf(options)
  const { host, port, insecure = false, allowHost: allowHosts = [], origin: origins = [] } = options
  let router: RouterHandle
  try {
    router = await listen({
      listen: { host, port, insecure, allowHosts, origins, ...(tls && { tls }) },
      log: logTo((line) => console.error(line), options.logLevel, options.logFormat),
      metrics: options.metrics === true,
      ...(tokens !== undefined && { tokens }),
    })
  } catch (thrown) {
    return couldNot(thrown, options)
  }
  const url = router.url!
  if (options.json === true)
    console.log(JSON.stringify({ url, host, port: router.port, pid: process.pid, token: tokens !== undefined, tls: tls !== undefined }))
  else greet(url, { token: tokens !== undefined, unnamed: isWildcard(host) && allowHosts.length === 0 })
  await stopSignal()
  await router.close()
  return Exit.ok
}

/** What it asks clients for: the tokens of a file, one token, or nothing. */
async function tokensOf({ token, tokenFile: file, tokens }: Options): Promise<NonNullable<RouterOptions['tokens']> | undefined> {
  const inEnvironment = process.env['WAYBILL_TOKENS'] !== undefined && token === undefined && file === undefined
  if (tokens !== undefined || inEnvironment) {
    const { tokenFile } = await import('@waybill/server/tokens')
    return tokenFile(tokensPath(tokens === true ? undefined : tokens))
  }
  const one = token ?? tokenFrom(file)
  if (one === '') throw new UsageError('--token is empty')
  return one === undefined ? undefined : { token: one }
}

function greet(url: string, { token, unnamed }: { token: boolean; unnamed: boolean }): void {
  console.log(`Waybill is listening: connect('${url}'${token ? ', { token }' : ''}). Ctrl-C stops it.`)
  if (unnamed) console.error('waybill: only clients of this machine get in: name the host that others use with --allow-host')
}

async function listen(options: RouterOptions): Promise<RouterHandle> {
  // Loaded here, as no other verb needs it.
  const { createRouter } = await import('@waybill/server')
  try {
    return await createRouter(options)
  } catch (thrown) {
    if (thrown instanceof WaybillError) throw thrown
    throw new UsageError(`the router cannot start with the TLS key and certificate: ${(thrown as Error).message}`)
  }
}

/** What would be unsafe is wrong usage; a port that is taken is not. */
function couldNot(thrown: unknown, { json = false }: Options): number {
  if (!(thrown instanceof WaybillError)) throw thrown
  if (thrown.code === 'Forbidden' || thrown.code === 'BadArguments') throw new UsageError(thrown.message)
  if (json) tellFailure(thrown, { json, ofCall: false })
  else console.error(`waybill: ${thrown.message}`)
  return Exit.failed
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process as usual. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
      resolve()
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
  })
}

function tlsOf({ tlsKey, tlsCert }: Options): { key: string; cert: string } | undefined {
  if (tlsKey === undefined && tlsCert === undefined) return undefined
  if (tlsKey === undefined || tlsCert === undefined) throw new UsageError('--tls-key and --tls-cert belong together: give both')
  return { key: readTextFile(tlsKey, '--tls-key'), cert: readTextFile(tlsCert, '--tls-cert') }
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function readPort(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('A port is a number from 0 to 65535, 0 for any free one.')
  return port
}
