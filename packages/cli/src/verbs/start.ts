/** `waybill start`: runs the router until it is told to stop. */
import { parseHostPort, WaybillError } from '@waybill/core'
import type { RouterHandle, RouterOptions } from '@waybill/server'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { Exit, UsageError } from '../exits.js'
import { tellFailure } from '../failure.js'
import { DEFAULT_PORT, DEFAULT_TCP_PORT, readTextFile, tokenFrom } from '../place.js'
import { print, remark, type Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

interface Options {
  readonly host: string
  readonly port: number
  readonly token?: string
  readonly tokenFile?: string
  readonly insecure?: boolean
  readonly allowHost?: readonly string[]
  readonly origin?: readonly string[]
  readonly tlsKey?: string
  readonly tlsCert?: string
  /** True: given without a value. */
  readonly tcp?: string | true
  readonly unix?: string
  readonly json?: boolean
}

const notes = `
Examples:
  waybill start
  waybill start --host 0.0.0.0 --allow-host box.example --token-file token.txt \\
                --tls-key key.pem --tls-cert cert.pem
  waybill start --unix /run/user/1000/waybill.sock

Beside WebSockets, --tcp and --unix open doors without HTTP. What guards the one
guards --tcp too: --token, --tls-key, --insecure. The file of --unix is for this
user alone (mode 0600).

The token can also stand in WAYBILL_TOKEN. That or --token-file is better than
--token, which everybody on this machine sees in \`ps\`. Who has it is the principal
\`token\`; without a token everybody who can connect is \`local\`.`

export function define(verb: Command, act: Act): void {
  verb
    .option('--host <address>', 'where to listen; others than this machine need a token and TLS', '127.0.0.1')
    .option('--port <port>', 'port to listen on, 0 for any free one', readPort, DEFAULT_PORT)
    .addOption(new Option('--token <token>', 'ask clients for this token').conflicts('tokenFile'))
    .option('--token-file <file>', 'read that token from a file')
    .option('--insecure', 'listen for others without TLS: tokens and calls can be read on the way')
    .option('--allow-host <name...>', 'further names under which clients reach the router')
    .option('--origin <origin...>', 'pages that may connect, such as https://app.example.com')
    .option('--tls-key <file>', 'private key, PEM')
    .option('--tls-cert <file>', 'certificate, PEM')
    .option('--tcp [host:port]', `also listen for bare TCP (default: 127.0.0.1:${DEFAULT_TCP_PORT})`)
    .option('--unix <path>', 'also listen on a Unix socket')
    .option('--json', 'say where it listens as one line of JSON')
    .addHelpText('after', notes)
    .action((options: Options) => act((terminal) => start(options, terminal)))
}

async function start(options: Options, terminal: Terminal): Promise<number> {
  const token = options.token ?? tokenFrom(options.tokenFile, terminal.env)
  if (token === '') throw new UsageError('--token is empty')
  const tls = tlsOf(options)
  const { host, port, insecure = false, allowHost: allowHosts = [], origin: origins = [] } = options
  const tcp = tcpOf(options)
  let router: RouterHandle
  try {
    router = await listen({
      listen: { host, port, insecure, allowHosts, origins, ...(tls && { tls }) },
      ...(tcp && { tcp: { ...tcp, insecure, ...(tls && { tls }) } }),
      ...(options.unix !== undefined && { unix: options.unix }),
      ...(token !== undefined && { tokens: { token } }),
    })
  } catch (thrown) {
    return couldNot(thrown, options, terminal)
  }
  const [url, ...others] = router.urls as [string, ...string[]]
  if (options.json === true) {
    const door = { url, host, port: router.port, pid: process.pid, token: token !== undefined, tls: tls !== undefined }
    print(JSON.stringify({ ...door, ...(others.length > 0 && { others }) }), terminal)
  } else {
    greet(url, { token: token !== undefined, unnamed: isWildcard(host) && allowHosts.length === 0 }, terminal)
    for (const other of others) print(`Also: connect('${other}'${token === undefined ? '' : ', { token }'})`, terminal)
  }
  await interruptedOnce(terminal)
  await router.close()
  return Exit.ok
}

function greet(url: string, { token, unnamed }: { token: boolean; unnamed: boolean }, terminal: Terminal): void {
  print(`Waybill is listening: connect('${url}'${token ? ', { token }' : ''}). Ctrl-C stops it.`, terminal)
  if (unnamed) remark('waybill: only clients of this machine get in: name the host that others use with --allow-host', terminal)
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
  if (thrown.code === 'Forbidden' || thrown.code === 'BadArguments' || thrown.code === 'BadAddress') throw new UsageError(thrown.message)
  if (json) tellFailure(thrown, { json, ofCall: false }, terminal)
  else remark(`waybill: ${thrown.message}`, terminal)
  return Exit.failed
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

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function readPort(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('A port is a number from 0 to 65535, 0 for any free one.')
  return port
}
