/** `waybill start`: runs the router until it is told to stop. */
import { parseHostPort, WaybillError } from '@waybill/core'
import type { RecoveryReport, RouterHandle, RouterOptions } from '@waybill/server'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { dataPath } from '../data-path.js'
import { Exit, UsageError } from '../exits.js'
import { tellFailure } from '../failure.js'
import { logFormats, logLevels, logTo, type LogFormat, type LogLevel } from '../log.js'
import { openPlugins, tellPlugins, withPlugins } from '../plugins.js'
import { DEFAULT_PORT, DEFAULT_TCP_PORT, readTextFile, tokenFrom } from '../place.js'
import { print, remark, type Terminal } from '../terminal.js'
import { tokensPath } from '../tokens-path.js'
import type { Act } from '../verb.js'

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
  /** True: given without a value. */
  readonly tcp?: string | true
  readonly unix?: string
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  readonly metrics?: true
  readonly webhook?: readonly string[]
  readonly webhookLoopback?: true
  readonly webhookPrivate?: true
  readonly data?: string
  readonly memory?: true
  readonly plugins?: readonly string[]
  readonly json?: boolean
}

const notes = `
Examples:
  waybill start
  waybill token create kennel > kennel.token && waybill start --tokens
  waybill start --host 0.0.0.0 --allow-host box.example --token-file token.txt \\
                --tls-key key.pem --tls-cert cert.pem
  waybill start --unix /run/user/1000/waybill.sock
  waybill start --plugins ./plugins --plugins @acme/backup

Beside WebSockets, --tcp and --unix open doors without HTTP. What guards the one
guards --tcp too: --token, --tls-key, --insecure. The file of --unix is for this
user alone (mode 0600).

Stored calls outlive the router: they are in a folder, which one router has at a time.
With --port 0 there is no usual folder, and they end with the router unless --data
names one.

Without --webhook and --webhook-loopback the router posts to no addresses, and clients
come for their parcels. --webhook-loopback alone is for every port of this machine.
A star is any port (http://127.0.0.1:*), any name below one (https://*.example.com) or
any public host (https://*); who registers an address under a star has to prove it his.

--plugins loads code into the router: from a file or folder, whose path begins with
./ or /, or from a package that is installed here. What fails to load is told and left
out. Each plugin is the service plugins.NAME of the client \`plugins\`.

The token can also stand in WAYBILL_TOKEN. That or --token-file is better than
--token, which everybody on this machine sees in \`ps\`. Who has it is the principal
\`token\`; without a token everybody who can connect is \`local\`.`

export function define(verb: Command, act: Act): void {
  verb
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
    .option('--tcp [host:port]', `also listen for bare TCP (default: 127.0.0.1:${DEFAULT_TCP_PORT})`)
    .option('--unix <path>', 'also listen on a Unix socket')
    .addOption(
      new Option('--data <folder>', 'keep stored calls there (default: $WAYBILL_DATA or one of this user and port)').conflicts('memory'),
    )
    .option('--memory', 'keep them in memory: they end with this router')
    .option('--plugins <place>', 'load plugins from there: a file, a folder or a package; may be given again', eachPlace)
    .option('--metrics', 'serve figures for Prometheus: GET /metrics, with a token where one is asked for')
    .option('--webhook <origin...>', 'let clients register addresses there, such as https://hooks.example.com or https://*.example.com')
    .option('--webhook-loopback', 'addresses of this machine too')
    .option('--webhook-private', 'the hosts that --webhook names may be in private networks')
    .addOption(new Option('--log-level <level>', 'tell on stderr what happens, from this level on').choices(logLevels).default('warn'))
    .addOption(new Option('--log-format <format>', 'lines for people, or JSON').choices(logFormats).default('pretty'))
    .option('--json', 'say where it listens as one line of JSON')
    .addHelpText('after', notes)
    .action((options: Options) => act((terminal) => start(options, terminal)))
}

async function start(options: Options, terminal: Terminal): Promise<number> {
  const places = options.plugins ?? []
  const asked = await tokensOf(options, terminal)
  const { tokens, token: ofPlugins } = asked !== undefined && places.length > 0 ? withPlugins(asked) : { tokens: asked }
  const tls = tlsOf(options)
  const { host, port, insecure = false, allowHost: allowHosts = [], origin: origins = [] } = options
  const tcp = tcpOf(options)
  const webhooks = webhooksOf(options)
  const data = options.memory === true ? undefined : dataPath(options.data, port, terminal.env)
  let router: RouterHandle
  try {
    router = await listen({
      listen: { host, port, insecure, allowHosts, origins, ...(tls && { tls }) },
      ...(tcp && { tcp: { ...tcp, insecure, ...(tls && { tls }) } }),
      ...(options.unix !== undefined && { unix: options.unix }),
      log: logTo(terminal, options.logLevel, options.logFormat),
      metrics: options.metrics === true,
      ...(webhooks && { webhooks }),
      ...(data !== undefined && { data }),
      ...(tokens !== undefined && { tokens }),
    })
  } catch (thrown) {
    return couldNot(thrown, options, terminal)
  }
  // Listened for before anything is said: whoever reads it may stop the router at once.
  const interrupted = interruptedOnce(terminal)
  const opened = places.length > 0 ? await openPlugins(places, router, ofPlugins, terminal) : undefined
  const [url, ...others] = router.urls as [string, ...string[]]
  if (options.json === true) {
    const door = { url, host, port: router.port, pid: process.pid, token: tokens !== undefined, tls: tls !== undefined }
    const { recovered } = router
    const { loaded: plugins, failed } = opened?.plugins ?? {}
    const more = {
      ...(others.length > 0 && { others }),
      ...(data !== undefined && { data, recovered }),
      ...(plugins && { plugins, failed }),
    }
    print(JSON.stringify({ ...door, ...more }), terminal)
  } else {
    greet(url, { token: tokens !== undefined, unnamed: isWildcard(host) && allowHosts.length === 0 }, terminal)
    if (data !== undefined) tellStore(data, router.load.storedCalls, router.recovered!, terminal)
    if (opened !== undefined) tellPlugins(opened.plugins, terminal)
    for (const other of others) print(`Also: connect('${other}'${tokens === undefined ? '' : ', { token }'})`, terminal)
  }
  await interrupted
  await opened?.close()
  await router.close()
  return Exit.ok
}

/** What it asks clients for: the tokens of a file, one token, or nothing. */
async function tokensOf(
  { token, tokenFile: file, tokens }: Options,
  { env }: Terminal,
): Promise<NonNullable<RouterOptions['tokens']> | undefined> {
  const inEnvironment = env['WAYBILL_TOKENS'] !== undefined && token === undefined && file === undefined
  if (tokens !== undefined || inEnvironment) {
    const { tokenFile } = await import('@waybill/server/tokens')
    return tokenFile(tokensPath(tokens === true ? undefined : tokens, env))
  }
  const one = token ?? tokenFrom(file, env)
  if (one === '') throw new UsageError('--token is empty')
  return one === undefined ? undefined : { token: one }
}

function greet(url: string, { token, unnamed }: { token: boolean; unnamed: boolean }, terminal: Terminal): void {
  print(`Waybill is listening: connect('${url}'${token ? ', { token }' : ''}). Ctrl-C stops it.`, terminal)
  if (unnamed) remark('waybill: only clients of this machine get in: name the host that others use with --allow-host', terminal)
}

/** Nothing where there is nothing to say of it. */
function tellStore(data: string, pending: number, { isNew, tornBytes, upgradedFrom }: RecoveryReport, terminal: Terminal): void {
  const calls =
    pending === 0 ? '' : `, with ${pending} ${pending === 1 ? 'call' : 'calls'} that ${pending === 1 ? 'has' : 'have'} not ended`
  const torn = tornBytes === 0 ? '' : `; ${tornBytes} bytes that were being written at the last end are cut off`
  const older = upgradedFrom === undefined ? '' : `; it was of version ${upgradedFrom}`
  print(`Stored calls are in ${data}${isNew ? ', which is new' : calls}${torn}${older}.`, terminal)
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
function couldNot(thrown: unknown, { json = false }: Options, terminal: Terminal): number {
  if (!(thrown instanceof WaybillError)) throw thrown
  const store = storeExit(thrown)
  if (thrown.code === 'Forbidden' || thrown.code === 'BadArguments' || thrown.code === 'BadAddress') throw new UsageError(thrown.message)
  if (json) tellFailure(thrown, { json, ofCall: false }, terminal)
  else remark(`waybill: ${thrown.message}`, terminal)
  return store ?? Exit.failed
}

/** What is wrong is the store. */
function storeExit({ code, details }: WaybillError): number | undefined {
  if (code === 'Damaged' || code === 'Incompatible') return Exit.damaged
  return code === 'Overloaded' && (details as { pid?: unknown } | undefined)?.pid !== undefined ? Exit.taken : undefined
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process as usual. */
function interruptedOnce({ onInterrupt }: Terminal): Promise<void> {
  return new Promise((resolve) => {
    const stop = onInterrupt(() => {
      stop()
      resolve()
    })
  })
}

function tlsOf({ tlsKey, tlsCert }: Options): { key: string; cert: string } | undefined {
  if (tlsKey === undefined && tlsCert === undefined) return undefined
  if (tlsKey === undefined || tlsCert === undefined) throw new UsageError('--tls-key and --tls-cert belong together: give both')
  return { key: readTextFile(tlsKey, '--tls-key'), cert: readTextFile(tlsCert, '--tls-cert') }
}

/** A port alone is one of this machine. */
function tcpOf({ tcp }: Options): { host: string; port: number } | undefined {
  if (tcp === undefined) return undefined
  if (tcp === true) return { host: '127.0.0.1', port: DEFAULT_TCP_PORT }
  try {
    return parseHostPort(/^\d+$/.test(tcp) ? `127.0.0.1:${tcp}` : tcp)
  } catch (thrown) {
    throw new UsageError(`--tcp: ${(thrown as Error).message}`)
  }
}

/** What is posted to where one of its options is given. */
function webhooksOf({ webhook, webhookLoopback, webhookPrivate }: Options): RouterOptions['webhooks'] {
  if (webhook === undefined && webhookLoopback === undefined && webhookPrivate === undefined) return undefined
  return { ...(webhook && { origins: webhook }), loopback: webhookLoopback === true, private: webhookPrivate === true }
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function eachPlace(place: string, before: readonly string[] = []): readonly string[] {
  return [...before, place]
}

function readPort(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('A port is a number from 0 to 65535, 0 for any free one.')
  return port
}
